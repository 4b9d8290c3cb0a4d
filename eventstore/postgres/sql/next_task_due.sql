-- First entry of tasks_free_at_idx. Locks: none.
SELECT GREATEST(due_at, claimed_until)
FROM tasks
WHERE kind = @kind
ORDER BY GREATEST(due_at, claimed_until)
LIMIT 1
