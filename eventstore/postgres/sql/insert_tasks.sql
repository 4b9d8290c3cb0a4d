-- Under the head lock, before move_head. A task that is there already stays as it is. Locks: the new rows; waits for a
-- transaction that is removing the same task. Such a transaction may itself be about to wait for the head: Postgres ends
-- one of the two (deadlock_detected), and it is safe to try again.
INSERT INTO tasks (position, due_at, kind, key)
SELECT h.position + t.place, statement_timestamp() + t.delay * interval '1 microsecond', t.kind, t.key
FROM log_head h, unnest(@places::bigint[], @delays::bigint[], @kinds::text[], @keys::text[]) AS t (place, delay, kind, key)
ON CONFLICT ON CONSTRAINT tasks_pkey DO NOTHING
