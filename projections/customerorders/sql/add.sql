-- Locks the sums it changes, in the order of their keys, after the orders they are of: projectors of several partitions
-- meet here, wait for each other and cannot deadlock.
INSERT INTO customerorders_totals AS t (customer_id, currency, placed, bought, amount)
SELECT s.key ->> 0, s.key ->> 1, (s.amounts ->> 0)::bigint, (s.amounts ->> 1)::bigint, (s.amounts ->> 2)::bigint
FROM jsonb_to_recordset(@shares::jsonb) AS s (key jsonb, amounts jsonb)
ORDER BY (s.key ->> 0) COLLATE "C", (s.key ->> 1) COLLATE "C"
ON CONFLICT ON CONSTRAINT customerorders_totals_pkey DO UPDATE
SET placed = t.placed + excluded.placed,
    bought = t.bought + excluded.bought,
    amount = t.amount + excluded.amount
