-- Locks the rows it writes, in the order of their SKUs, so that two projectors that meet on the same rows wait for each
-- other and cannot deadlock. A row at a position is the same whoever folded it, so the higher position wins.
INSERT INTO stocklevels_levels AS l (sku, on_hand, reserved, version, position, applied)
SELECT r.sku, r.on_hand, r.reserved, r.version, r.position, r.applied
FROM jsonb_to_recordset(@rows::jsonb) AS r (
       sku text, on_hand bigint, reserved bigint, version bigint, position bigint, applied bigint)
ORDER BY r.sku COLLATE "C"
ON CONFLICT ON CONSTRAINT stocklevels_levels_pkey DO UPDATE
SET on_hand = excluded.on_hand,
    reserved = excluded.reserved,
    version = excluded.version,
    position = excluded.position,
    applied = excluded.applied
WHERE l.position < excluded.position
