-- Locks: none.
SELECT position, tails
FROM log_head
