-- By events_stream_version_key; NULL as limit is no limit. Locks: none.
SELECT position, prev, recorded_at, event_id, version, schema_version, partition, stream, type, data, metadata
FROM events
WHERE stream = @stream AND version > @after
ORDER BY version
LIMIT @limit
