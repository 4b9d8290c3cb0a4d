-- Takes no locks. A sum that orders were taken out of may be left at nothing. Conditions that are not asked for vanish when the
-- statement is planned with its values.
SELECT day, sku, currency, orders, pieces, revenue
FROM salesdaily_days
WHERE day BETWEEN @from::date AND @to::date AND orders > 0
  AND (@sku::text = '' OR sku = @sku::text)
  AND (@after_day::date IS NULL OR (day, sku, currency) > (@after_day::date, @after_sku::text, @after_currency::text))
ORDER BY day, sku, currency
LIMIT @limit::bigint
