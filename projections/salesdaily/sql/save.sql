-- Locks the rows it writes, in the order of their ids, so that two projectors that meet on the same rows wait for each
-- other and cannot deadlock. A row at a position is the same whoever folded it, so the higher position wins.
INSERT INTO salesdaily_orders AS o (id, day, counted, lines, version, position, applied)
SELECT r.id, r.day, r.counted, r.lines, r.version, r.position, r.applied
FROM json_to_recordset(@rows::json) AS r (
       id text, day text, counted boolean, lines json, version bigint, position bigint, applied bigint)
ORDER BY r.id COLLATE "C"
ON CONFLICT ON CONSTRAINT salesdaily_orders_pkey DO UPDATE
SET day = excluded.day,
    counted = excluded.counted,
    lines = excluded.lines,
    version = excluded.version,
    position = excluded.position,
    applied = excluded.applied
WHERE o.position < excluded.position
