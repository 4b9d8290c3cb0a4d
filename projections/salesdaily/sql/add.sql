-- Locks the sums it changes, in the order of their keys, after the orders they are of: projectors of several partitions
-- meet here, wait for each other and cannot deadlock.
INSERT INTO salesdaily_days AS d (day, sku, currency, orders, pieces, revenue)
SELECT (s.key ->> 0)::date, s.key ->> 1, s.key ->> 2,
       (s.amounts ->> 0)::bigint, (s.amounts ->> 1)::bigint, (s.amounts ->> 2)::bigint
FROM jsonb_to_recordset(@shares::jsonb) AS s (key jsonb, amounts jsonb)
ORDER BY (s.key ->> 0) COLLATE "C", (s.key ->> 1) COLLATE "C", (s.key ->> 2) COLLATE "C"
ON CONFLICT ON CONSTRAINT salesdaily_days_pkey DO UPDATE
SET orders = d.orders + excluded.orders,
    pieces = d.pieces + excluded.pieces,
    revenue = d.revenue + excluded.revenue
