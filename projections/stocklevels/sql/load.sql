-- Takes no row locks: two projectors of one partition are told apart by save.sql and by the checkpoint.
SELECT sku, on_hand, reserved, version, position, applied
FROM stocklevels_levels
WHERE sku = ANY (@keys::text[])
