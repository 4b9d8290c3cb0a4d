-- One page of the log between two positions, less what is not asked for. Locks: none.
SELECT position, prev, recorded_at, event_id, version, schema_version, partition, stream, type, data, metadata
FROM events
WHERE position > @after AND position <= @until
  AND (@types::text[] IS NULL OR type = ANY (@types))
ORDER BY position
