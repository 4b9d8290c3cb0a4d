-- Locks: none.
SELECT schema_version, partitions
FROM log_head
