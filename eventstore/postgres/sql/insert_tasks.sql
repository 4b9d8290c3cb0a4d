-- Under the head lock. A task that is there already stays as it is. Locks: the new rows; waits for a transaction that is
-- removing the same task. Such a transaction may itself be about to wait for the head: Postgres ends one of the two
-- (deadlock_detected), and it is safe to try again.
INSERT INTO tasks (position, due_at, kind, key)
SELECT t.position, t.due_at, t.kind, t.key
FROM unnest(@positions::bigint[], @due::timestamptz[], @kinds::text[], @keys::text[]) AS t (position, due_at, kind, key)
ON CONFLICT ON CONSTRAINT tasks_pkey DO NOTHING
