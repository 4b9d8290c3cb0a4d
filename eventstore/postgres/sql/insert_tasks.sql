-- Under the head lock, before move_head. A task that is there already stays the same one, but is due when it is first asked for:
-- that something is wanted at once counts more than that it was put off. One row for each task, as none may be met twice.
-- Locks: the rows; waits for a transaction that is claiming, putting off or removing the same task. One that removes may itself be
-- about to wait for the head: Postgres ends one of the two (deadlock_detected), and it is safe to try again.
INSERT INTO tasks AS known (position, due_at, kind, key)
SELECT h.position + min(t.place), statement_timestamp() + min(t.delay) * interval '1 microsecond', t.kind, t.key
FROM log_head h, unnest(@places::bigint[], @delays::bigint[], @kinds::text[], @keys::text[]) AS t (place, delay, kind, key)
GROUP BY h.position, t.kind, t.key
ON CONFLICT ON CONSTRAINT tasks_pkey DO UPDATE
SET due_at = excluded.due_at
WHERE excluded.due_at < known.due_at
