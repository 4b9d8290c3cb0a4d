-- One short statement, its own transaction. Locks: the rows it claims; rows that another worker is claiming are skipped,
-- so the order of rows does not matter. The CTE runs once, a subquery could run once per row and claim too many.
WITH free AS MATERIALIZED (
    SELECT kind, key
    FROM tasks
    WHERE kind = @kind AND GREATEST(due_at, claimed_until) <= now()
    ORDER BY GREATEST(due_at, claimed_until)
    LIMIT @limit
    FOR UPDATE SKIP LOCKED
)
UPDATE tasks t
SET attempt = t.attempt + 1, claimed_until = now() + @lease::interval
FROM free
WHERE t.kind = free.kind AND t.key = free.key
RETURNING t.kind, t.key, t.attempt, t.position
