-- Takes no locks.
SELECT sku, on_hand, reserved, version, position, applied
FROM stocklevels_levels
WHERE sku > @after::text
ORDER BY sku
LIMIT @limit::bigint
