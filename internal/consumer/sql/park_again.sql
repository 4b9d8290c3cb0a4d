-- An event that waited has failed in a redrive: it is the one the others of its key follow now, and the wish is done with.
-- Locks: the key's row, then those of its events. Only who has moved the checkpoint of their partition comes here.
WITH key AS (
    UPDATE parked_keys
    SET position = @position, request = NULL, request_reason = NULL, requested_at = NULL, request_rate = NULL
    WHERE consumer = @consumer AND topic = @topic AND partition = @partition AND key = @key
)
UPDATE parked_events
SET follows = CASE WHEN position = @position THEN NULL ELSE @position::bigint END,
    class = @class, fingerprint = @fingerprint, error = @error,
    attempts = attempts + CASE WHEN position = @position THEN 1 ELSE 0 END,
    redrives = redrives + CASE WHEN position = @position THEN 1 ELSE 0 END,
    first_failed_at = CASE WHEN position = @position THEN coalesce(first_failed_at, now()) ELSE first_failed_at END,
    last_failed_at = CASE WHEN position = @position THEN now() ELSE last_failed_at END
WHERE consumer = @consumer AND topic = @topic AND partition = @partition AND key = @key AND status = 'parked'
