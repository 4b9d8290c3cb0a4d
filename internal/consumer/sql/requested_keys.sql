-- What operators want done with the parked keys of a partition, oldest wish first. Locks: none; what is done checks again.
SELECT key, request, request_reason, coalesce(request_rate, 0)
FROM parked_keys
WHERE consumer = @consumer AND topic = @topic AND partition = @partition AND request IS NOT NULL
ORDER BY requested_at, key
LIMIT @limit
