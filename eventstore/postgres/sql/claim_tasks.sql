-- One short statement, its own transaction. Locks: the rows it claims; rows that another worker is claiming are skipped,
-- so the order of rows does not matter. The rows are locked when they are updated, so they are still where they were found: a join
-- by key, planned while the table was nearly empty, would go through all of it. So would finding them by their kind and sorting
-- them: with an expression for the kind there is no index but that of the time.
WITH free AS MATERIALIZED (
    SELECT ctid AS place
    FROM tasks
    WHERE kind || '' = @kind AND GREATEST(due_at, claimed_until) <= now()
    ORDER BY GREATEST(due_at, claimed_until)
    LIMIT @limit
    FOR UPDATE SKIP LOCKED
)
UPDATE tasks
SET attempt = attempt + 1, claimed_until = now() + @lease::interval
WHERE ctid = ANY (ARRAY(SELECT place FROM free))
RETURNING kind, key, attempt, position
