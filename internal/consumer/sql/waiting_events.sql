-- The oldest events that wait under a key. Locks: none.
SELECT id, coalesce(record_offset, -1), record_time, record_key, record_value, record_headers
FROM parked_events
WHERE consumer = @consumer AND topic = @topic AND partition = @partition AND key = @key AND status = 'parked'
ORDER BY position
LIMIT @limit
