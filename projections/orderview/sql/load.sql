-- Takes no row locks: two projectors of one partition are told apart by save.sql and by the checkpoint.
SELECT id, customer_id, status, lines, total_amount, total_currency, payment_method,
       reason, detail, shortages, carrier, tracking_number, placed_at, updated_at, history, version, position, applied
FROM orderview_orders
WHERE id = ANY (@keys::text[])
