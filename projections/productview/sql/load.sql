-- Takes no row locks: two projectors of one partition are told apart by save.sql and by the checkpoint.
SELECT sku, name, price_amount, price_currency, status, version, position, applied
FROM productview_products
WHERE sku = ANY (@keys::text[])
