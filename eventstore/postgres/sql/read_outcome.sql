-- The commit of so many events that begins with a certain one, and the link before it. Must be a statement of its own after
-- lock_head, which waits for the transaction in doubt. Locks: none.
SELECT c.first, c.recorded_at, c.link, coalesce(p.link, decode(repeat('00', 32), 'hex'))
FROM events e
JOIN log_commits c ON c.first = e.position AND c.last = e.position + @events::bigint - 1
LEFT JOIN log_commits p ON p.last = e.position - 1
WHERE e.event_id = @event_id
