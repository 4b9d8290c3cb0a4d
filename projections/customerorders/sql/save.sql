-- Locks the rows it writes, in the order of their ids, so that two projectors that meet on the same rows wait for each
-- other and cannot deadlock. A row at a position is the same whoever folded it, so the higher position wins.
INSERT INTO customerorders_orders AS o (
       id, customer_id, bought, total_amount, total_currency, placed_at, version, position, applied)
SELECT r.id, r.customer_id, r.bought, (r.total ->> 'amount')::bigint, r.total ->> 'currency', r.placed_at,
       r.version, r.position, r.applied
FROM jsonb_to_recordset(@rows::jsonb) AS r (
       id text, customer_id text, bought boolean, total jsonb, placed_at timestamptz,
       version bigint, position bigint, applied bigint)
ORDER BY r.id COLLATE "C"
ON CONFLICT ON CONSTRAINT customerorders_orders_pkey DO UPDATE
SET customer_id = excluded.customer_id,
    bought = excluded.bought,
    total_amount = excluded.total_amount,
    total_currency = excluded.total_currency,
    placed_at = excluded.placed_at,
    version = excluded.version,
    position = excluded.position,
    applied = excluded.applied
WHERE o.position < excluded.position
