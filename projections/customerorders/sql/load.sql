-- Takes no row locks: two projectors of one partition are told apart by save.sql and by the checkpoint.
SELECT id, customer_id, bought, total_amount, total_currency, placed_at, version, position, applied
FROM customerorders_orders
WHERE id = ANY (@keys::text[])
