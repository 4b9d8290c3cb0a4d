-- +goose Up

-- What went wrong with the last attempt, for people. NULL: there was none, or it was given back without having failed.
ALTER TABLE tasks ADD COLUMN last_error text;
