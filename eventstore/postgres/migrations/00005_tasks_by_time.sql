-- +goose Up

-- By time alone: with the kind in it, the index was taken for finding one task, too, in plans that are kept from when there was no
-- task, and all tasks of the kind were read. A log has tasks of one kind, or few.
DROP INDEX tasks_free_at_idx;
CREATE INDEX tasks_free_at_idx ON tasks (GREATEST(due_at, claimed_until));
