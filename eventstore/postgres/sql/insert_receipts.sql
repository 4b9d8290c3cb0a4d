-- Under the head lock, after insert_events and before move_head. A key that is used fails it. Locks: the new rows. The time is
-- looked up row by row: a join, planned while the log is short, would go through all of it.
INSERT INTO receipts (position, at, scope, key, fingerprint, response)
SELECT h.position + r.place, (SELECT e.recorded_at FROM events e WHERE e.position = h.position + r.place),
       r.scope, r.key, r.fingerprint, r.response
FROM log_head h
CROSS JOIN unnest(@places::bigint[], @scopes::text[], @keys::text[], @fingerprints::bytea[], @responses::bytea[])
    AS r (place, scope, key, fingerprint, response)
