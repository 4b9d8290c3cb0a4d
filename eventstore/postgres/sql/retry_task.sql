-- Locks: the task's row.
UPDATE tasks
SET due_at = now() + @after::interval, claimed_until = NULL, last_error = COALESCE(@error::text, last_error)
WHERE kind = @kind AND key = @key AND position = @position AND attempt = @attempt
