-- Which of these events are stored. Locks: none.
SELECT event_id
FROM events
WHERE event_id = ANY (@ids::uuid[])
