-- The epoch is the guard: it has risen if anyone else was here, even after an expiry. Locks: the lease's row.
UPDATE leases
SET expires_at = clock_timestamp() + @ttl::interval
WHERE name = @name AND epoch = @epoch
