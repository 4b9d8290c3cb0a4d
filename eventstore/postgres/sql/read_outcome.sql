-- Must be a statement of its own after lock_head, which waits for the transaction in doubt. Locks: none.
SELECT position, recorded_at
FROM events
WHERE event_id = @event_id
