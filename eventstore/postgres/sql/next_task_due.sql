-- First entry of tasks_free_at_idx, see claim_tasks.sql. A duration, not a moment: the clocks of database and program may
-- differ. Locks: none.
SELECT GREATEST(due_at, claimed_until) - clock_timestamp()
FROM tasks
WHERE kind || '' = @kind
ORDER BY GREATEST(due_at, claimed_until)
LIMIT 1
