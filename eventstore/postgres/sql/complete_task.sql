-- Locks: the task's row. Position and attempt together name one claim, even of a task that was stored again.
DELETE FROM tasks
WHERE kind = @kind AND key = @key AND position = @position AND attempt = @attempt
