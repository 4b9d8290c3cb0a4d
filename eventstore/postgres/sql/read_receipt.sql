-- Locks: none.
SELECT scope, key, fingerprint, response, position, at
FROM receipts
WHERE scope = @scope AND key = @key
