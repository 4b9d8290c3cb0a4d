-- +goose Up

-- Definitions of indexes that are made when the rows are there.
ALTER TABLE generations ADD COLUMN indexes text[] NOT NULL DEFAULT '{}';

-- A change of the epoch is a change of a key, which waits for those who have looked at the row FOR KEY SHARE: the transactions
-- of the holder before. Renewing does not.
ALTER TABLE replay_leases ADD CONSTRAINT replay_leases_epoch_key UNIQUE (model, epoch);
