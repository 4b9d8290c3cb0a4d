-- Locks: none.
SELECT position, prev, recorded_at, event_id, version, schema_version, partition, stream, type, data, metadata
FROM events
WHERE event_id = ANY (@ids::uuid[])
