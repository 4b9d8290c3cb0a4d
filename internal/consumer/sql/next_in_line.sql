-- After the failed event of a key was discarded, the next one heads the line. It keeps the group, so that it is found where
-- the other was. Locks: the key's row, then the event's.
WITH next AS (
    SELECT min(position) AS position
    FROM parked_events
    WHERE consumer = @consumer AND topic = @topic AND partition = @partition AND key = @key AND status = 'parked'
), key AS (
    UPDATE parked_keys
    SET position = next.position, request = NULL, request_reason = NULL, requested_at = NULL, request_rate = NULL
    FROM next
    WHERE consumer = @consumer AND topic = @topic AND partition = @partition AND key = @key AND next.position IS NOT NULL
)
UPDATE parked_events AS e
SET follows = CASE WHEN e.position = next.position THEN NULL ELSE next.position END
FROM next
WHERE consumer = @consumer AND topic = @topic AND partition = @partition AND key = @key AND status = 'parked'
