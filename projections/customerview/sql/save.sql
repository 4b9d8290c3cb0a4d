-- Locks the rows it writes, in the order of their ids, so that two projectors that meet on the same rows wait for each
-- other and cannot deadlock. A row at a position is the same whoever folded it, so the higher position wins.
INSERT INTO customerview_customers AS c (id, name, email, status, version, position, applied)
SELECT r.id, r.name, r.email, r.status, r.version, r.position, r.applied
FROM jsonb_to_recordset(@rows::jsonb) AS r (
       id text, name text, email text, status text, version bigint, position bigint, applied bigint)
ORDER BY r.id COLLATE "C"
ON CONFLICT ON CONSTRAINT customerview_customers_pkey DO UPDATE
SET name = excluded.name,
    email = excluded.email,
    status = excluded.status,
    version = excluded.version,
    position = excluded.position,
    applied = excluded.applied
WHERE c.position < excluded.position
