-- By events_stream_version_key, once per stream. Locks: none.
SELECT position, prev, recorded_at, event_id, version, schema_version, partition, stream, type, data, metadata
FROM events
WHERE stream = ANY (@streams::text[])
ORDER BY stream, version
