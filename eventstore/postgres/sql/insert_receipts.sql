-- Under the head lock, after insert_events and before move_head. A key that is used fails it. Locks: the new rows.
INSERT INTO receipts (position, at, scope, key, fingerprint, response)
SELECT e.position, e.recorded_at, r.scope, r.key, r.fingerprint, r.response
FROM log_head h
CROSS JOIN unnest(@places::bigint[], @scopes::text[], @keys::text[], @fingerprints::bytea[], @responses::bytea[])
    AS r (place, scope, key, fingerprint, response)
JOIN events e ON e.position = h.position + r.place
