-- Takes no locks. A sum that orders were taken out of may be left at nothing.
SELECT day, sku, currency, orders, pieces, revenue
FROM salesdaily_days
WHERE day BETWEEN @from::date AND @to::date AND orders > 0
ORDER BY day, sku, currency
