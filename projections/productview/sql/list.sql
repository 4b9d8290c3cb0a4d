-- Takes no locks. Walks the primary key; a catalog has few discontinued products among the listed ones.
SELECT sku, name, price_amount, price_currency, status, version, position, applied
FROM productview_products
WHERE sku > @after::text
  AND (@include_discontinued::boolean OR status <> 'discontinued')
ORDER BY sku
LIMIT @limit::bigint
