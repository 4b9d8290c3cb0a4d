-- Locks the rows it writes, in the order of their SKUs, so that two projectors that meet on the same rows wait for each
-- other and cannot deadlock. A row at a position is the same whoever folded it, so the higher position wins.
INSERT INTO productview_products AS p (sku, name, price_amount, price_currency, status, version, position, applied)
SELECT r.sku, r.name, (r.price ->> 'amount')::bigint, r.price ->> 'currency', r.status, r.version, r.position, r.applied
FROM jsonb_to_recordset(@rows::jsonb) AS r (
       sku text, name text, price jsonb, status text, version bigint, position bigint, applied bigint)
ORDER BY r.sku COLLATE "C"
ON CONFLICT ON CONSTRAINT productview_products_pkey DO UPDATE
SET name = excluded.name,
    price_amount = excluded.price_amount,
    price_currency = excluded.price_currency,
    status = excluded.status,
    version = excluded.version,
    position = excluded.position,
    applied = excluded.applied
WHERE p.position < excluded.position
