-- Locks: none.
SELECT r.scope, r.key, r.fingerprint, r.response, r.position, r.at
FROM unnest(@scopes::text[], @keys::text[]) AS k (scope, key)
JOIN receipts r ON r.scope = k.scope AND r.key = k.key
