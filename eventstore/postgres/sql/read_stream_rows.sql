-- One page of a stream, by events_stream_version_key. Locks: none.
SELECT position, prev, recorded_at, event_id, version, schema_version, partition, stream, type, data, metadata
FROM events
WHERE stream = @stream AND version > @version
  AND position > @after AND position <= @until
  AND (@types::text[] IS NULL OR type = ANY (@types))
ORDER BY version
LIMIT @limit
