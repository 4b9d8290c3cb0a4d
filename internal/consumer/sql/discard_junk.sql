-- Records that are no events have no key and no place in any order, so nobody else has to agree. Locks: the rows.
UPDATE parked_events
SET status = 'discarded', resolved_at = now(), reason = @reason
WHERE status = 'parked' AND key = ''
  AND (@consumer = '' OR consumer = @consumer) AND (@fingerprint = '' OR fingerprint = @fingerprint) AND (@id = 0 OR id = @id)
  AND @key = ''
