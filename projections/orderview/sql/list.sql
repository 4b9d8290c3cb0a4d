-- Takes no locks. Conditions that are not asked for vanish when the statement is planned with its values, see listArgs.
SELECT id, customer_id, status, lines, total_amount, total_currency, payment_method,
       reason, detail, shortages, carrier, tracking_number, placed_at, updated_at, NULL::json AS history, version, position, applied
FROM orderview_orders
WHERE (@status::text = '' OR status = @status::text)
  AND (@customer_id::text = '' OR customer_id = @customer_id::text)
  AND (@placed_at::timestamptz IS NULL OR (placed_at, id) < (@placed_at::timestamptz, @id::text))
ORDER BY placed_at DESC, id DESC
LIMIT @limit::bigint
