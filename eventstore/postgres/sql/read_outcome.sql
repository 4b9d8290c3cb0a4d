-- Must be a statement of its own after lock_head, which waits for the transaction in doubt. Locks: none.
SELECT EXISTS (SELECT FROM events WHERE position = @position AND event_id = @event_id)
