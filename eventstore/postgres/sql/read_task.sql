-- One row by primary key. Locks: none.
SELECT attempt, GREATEST(due_at, claimed_until), COALESCE(last_error, '')
FROM tasks
WHERE kind = @kind AND key = @key
