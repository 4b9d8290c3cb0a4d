-- Takes no locks.
SELECT currency, placed, bought, amount
FROM customerorders_totals
WHERE customer_id = @customer_id
ORDER BY currency
