-- Under the head lock, after read_receipts found the keys unused. Locks: the new rows.
INSERT INTO receipts (position, at, scope, key, fingerprint, response)
SELECT r.position, @recorded_at::timestamptz, r.scope, r.key, r.fingerprint, r.response
FROM unnest(@positions::bigint[], @scopes::text[], @keys::text[], @fingerprints::bytea[], @responses::bytea[])
    AS r (position, scope, key, fingerprint, response)
