-- Asks for something to be done with the parked keys that a selection touches. Asking again for the same changes nothing but
-- the reason. Locks: the keys' rows, in no particular order: consumers lock one at a time.
UPDATE parked_keys AS k
SET request = @request, request_reason = @reason, request_rate = @rate, requested_at = coalesce(requested_at, now())
WHERE EXISTS (
    SELECT FROM parked_events AS e
    WHERE e.consumer = k.consumer AND e.topic = k.topic AND e.partition = k.partition AND e.key = k.key AND e.status = 'parked'
      AND (@consumer = '' OR e.consumer = @consumer) AND (@fingerprint = '' OR e.fingerprint = @fingerprint)
      AND (@key = '' OR e.key = @key) AND (@id = 0 OR e.id = @id))
