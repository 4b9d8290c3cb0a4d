-- Locks the rows it writes, in the order of their ids, so that two projectors that meet on the same rows wait for each
-- other and cannot deadlock. A row at a position is the same whoever folded it, so the higher position wins.
INSERT INTO orderview_orders AS o (
       id, customer_id, status, lines, total_amount, total_currency, payment_method,
       reason, detail, shortages, carrier, tracking_number, placed_at, updated_at, history, version, position, applied)
SELECT r.id, r.customer_id, r.status, r.lines, (r.total ->> 'amount')::bigint, r.total ->> 'currency', r.payment_method,
       r.reason, r.detail, r.shortages, r.carrier, r.tracking_number, r.placed_at, r.updated_at, r.history, r.version, r.position, r.applied
FROM json_to_recordset(@rows::json) AS r (
       id text, customer_id text, status text, lines json, total json, payment_method text,
       reason text, detail text, shortages json, carrier text, tracking_number text, placed_at timestamptz, updated_at timestamptz, history json,
       version bigint, position bigint, applied bigint)
ORDER BY r.id COLLATE "C"
ON CONFLICT ON CONSTRAINT orderview_orders_pkey DO UPDATE
SET customer_id = excluded.customer_id,
    status = excluded.status,
    lines = excluded.lines,
    total_amount = excluded.total_amount,
    total_currency = excluded.total_currency,
    payment_method = excluded.payment_method,
    reason = excluded.reason,
    detail = excluded.detail,
    shortages = excluded.shortages,
    carrier = excluded.carrier,
    tracking_number = excluded.tracking_number,
    placed_at = excluded.placed_at,
    updated_at = excluded.updated_at,
    history = excluded.history,
    version = excluded.version,
    position = excluded.position,
    applied = excluded.applied
WHERE o.position < excluded.position
