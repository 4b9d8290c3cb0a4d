-- The newest rows between two positions, newest first. Locks: none.
SELECT position, prev, recorded_at, event_id, version, schema_version, partition, stream, type, data, metadata
FROM events
WHERE position > @after AND position <= @until
  AND (@stream::text IS NULL OR stream = @stream)
  AND (@types::text[] IS NULL OR type = ANY (@types))
ORDER BY position DESC
LIMIT @limit
