-- +goose Up

-- A count may be found to be below what is reserved. That nothing is reserved beyond the count is a matter of one event,
-- which the fold checks; a row cannot know how it came about.
ALTER TABLE stocklevels_levels
    DROP CONSTRAINT stocklevels_levels_reserved_check,
    ADD CONSTRAINT stocklevels_levels_counts_check CHECK (0 <= reserved AND 0 <= on_hand);
