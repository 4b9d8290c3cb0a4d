-- No row comes back while someone else holds the lease. Locks: the lease's row, for this statement. The clock is read
-- after the row is locked.
INSERT INTO leases AS l (epoch, expires_at, name, holder)
VALUES (1, clock_timestamp() + @ttl::interval, @name, @holder)
ON CONFLICT ON CONSTRAINT leases_pkey DO UPDATE
SET epoch = l.epoch + 1, expires_at = clock_timestamp() + @ttl::interval, holder = excluded.holder
WHERE l.holder = excluded.holder OR l.expires_at <= clock_timestamp()
RETURNING epoch
