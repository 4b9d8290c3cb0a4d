-- Locks: none. Should two processes find the same ones, the topic has them twice under one id.
SELECT id, consumer, topic, partition, coalesce(record_offset, -1) AS record_offset, coalesce(position, 0) AS position, key, event_id::text AS event_id,
       type, coalesce(follows, 0) AS follows, class, fingerprint, error, attempts, redrives, truncated, record_time,
       first_failed_at, last_failed_at, parked_at, published_at, resolved_at, status, coalesce(reason, '') AS reason,
       record_value AS value, record_key, record_headers
FROM parked_events
WHERE consumer = @consumer AND published_at IS NULL
ORDER BY id
LIMIT @limit
