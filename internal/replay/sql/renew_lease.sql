-- The epoch is the guard. Locks: the lease's row.
UPDATE replay_leases
SET expires_at = clock_timestamp() + @ttl::interval
WHERE model = @model AND epoch = @epoch
