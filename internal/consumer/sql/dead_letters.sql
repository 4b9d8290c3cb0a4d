-- Dead letters, oldest first, whatever became of them. Locks: none.
SELECT id, consumer, topic, partition, coalesce(record_offset, -1) AS record_offset, coalesce(position, 0) AS position, key, event_id::text AS event_id,
       type, coalesce(follows, 0) AS follows, class, fingerprint, error, attempts, redrives, truncated, record_time,
       first_failed_at, last_failed_at, parked_at, published_at, resolved_at, status, coalesce(reason, '') AS reason,
       record_value AS value
FROM parked_events
WHERE (@consumer = '' OR consumer = @consumer) AND (@fingerprint = '' OR fingerprint = @fingerprint)
  AND (@key = '' OR key = @key) AND (@id = 0 OR id = @id)
ORDER BY id
LIMIT @limit
