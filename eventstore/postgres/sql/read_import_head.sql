-- Must be a statement of its own after lock_head. The clock is the server's: it is what times of events are measured by.
-- Locks: none.
SELECT h.position, h.tails, h.link, coalesce(e.recorded_at, '0001-01-01 00:00:00+00'), clock_timestamp()
FROM log_head h
LEFT JOIN events e ON e.position = h.position
