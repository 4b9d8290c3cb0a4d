-- No row comes back while someone else holds the lease. Locks: the lease's row, for this statement. The clock is read after
-- the row is locked.
INSERT INTO replay_leases AS l (epoch, expires_at, model, holder)
VALUES (1, clock_timestamp() + @ttl::interval, @model, @holder)
ON CONFLICT ON CONSTRAINT replay_leases_pkey DO UPDATE
SET epoch = l.epoch + 1, expires_at = clock_timestamp() + @ttl::interval, holder = excluded.holder
WHERE l.expires_at <= clock_timestamp()
RETURNING epoch
