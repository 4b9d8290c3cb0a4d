-- Takes no locks. Walks the index of a customer's orders backwards.
SELECT id, customer_id, bought, total_amount, total_currency, placed_at, version, position, applied
FROM customerorders_orders
WHERE customer_id = @customer_id
ORDER BY placed_at DESC, id DESC
LIMIT @limit::bigint
