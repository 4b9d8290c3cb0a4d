-- Locks: the lease's row.
UPDATE leases
SET expires_at = '-infinity'
WHERE name = @name AND epoch = @epoch
