-- One statement, so one snapshot, per page: positions are commit-ordered, so a page never misses one below its end.
-- Locks: none.
SELECT position, prev, recorded_at, event_id, version, schema_version, partition, stream, type, data, metadata
FROM events
WHERE position > @after
ORDER BY position
LIMIT @limit
