-- Locks: the rows.
DELETE FROM checkpoints WHERE consumer = @consumer
