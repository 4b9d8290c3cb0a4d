-- Takes no row locks: two projectors of one partition are told apart by save.sql and by the checkpoint.
SELECT id, name, email, status, version, position, applied
FROM customerview_customers
WHERE id = ANY (@keys::text[])
