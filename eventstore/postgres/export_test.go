package postgres

// Waiting returns the number of appends that no group has taken up.
func (s *Store) Waiting() int { return s.queue.len() }

// TaskStatements are the statements that find tasks.
var TaskStatements = []string{sqlClaimTasks, sqlCompleteTask, sqlRetryTask, sqlNextTaskDue, sqlReadTask, sqlRemoveTasks}
