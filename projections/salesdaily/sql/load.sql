-- Takes no row locks: two projectors of one partition are told apart by save.sql and by the checkpoint.
SELECT id, day, counted, lines, version, position, applied
FROM salesdaily_orders
WHERE id = ANY (@keys::text[])
