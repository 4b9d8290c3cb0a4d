-- Locks: none.
SELECT recorded_at
FROM events
WHERE position = @position
