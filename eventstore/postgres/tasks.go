package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ordo-platform/ordo/eventstore"
)

// ClaimedTask is a task that a worker has until its claim expires. Delay is not set.
type ClaimedTask struct {
	eventstore.Task
	Attempt  int                 // which claim this is, from 1
	Position eventstore.Position // of the append that asked for the task
}

// ClaimTasks gives up to limit tasks of a kind to the caller, those due longest first. Nobody else gets them until lease
// is over; after that the claim is void, and whoever claims next has the next Attempt.
func (s *Store) ClaimTasks(ctx context.Context, kind string, limit int, lease time.Duration) ([]ClaimedTask, error) {
	rows, _ := s.pool.Query(ctx, sqlClaimTasks, pgx.StrictNamedArgs{"kind": kind, "limit": limit, "lease": lease}) // CollectRows has the error
	tasks, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (ClaimedTask, error) {
		var t ClaimedTask
		err := row.Scan(&t.Kind, &t.Key, &t.Attempt, &t.Position)
		return t, err
	})
	if err != nil {
		return nil, fmt.Errorf("claim tasks %s: %w", kind, err)
	}
	return tasks, nil
}

// CompleteTaskIn queues the removal of a task in the transaction that records its outcome, before the append. removed is called if
// it was; else the claim is void, and the outcome is someone else's to record.
//
// Who completes several queues several: one statement for all of them would be a join, and planned while the table was nearly
// empty it would go through all of it.
func (s *Store) CompleteTaskIn(b *pgx.Batch, task ClaimedTask, removed func()) {
	b.Queue(sqlCompleteTask, task.args()).Exec(func(tag pgconn.CommandTag) error {
		if tag.RowsAffected() > 0 {
			removed()
		}
		return nil
	})
}

// CompleteTasks removes tasks that have no outcome to record. Those whose claims are void are left to others.
func (s *Store) CompleteTasks(ctx context.Context, tasks ...ClaimedTask) error {
	if len(tasks) == 0 {
		return nil
	}
	var b pgx.Batch
	for _, t := range tasks {
		b.Queue(sqlCompleteTask, t.args())
	}
	if err := send(ctx, s.pool, &b); err != nil {
		return fmt.Errorf("complete %d tasks: %w", len(tasks), err)
	}
	return nil
}

// RetryTask gives a task back, to be claimed again after a delay. The error is a *[ClaimLostError] if the claim is void.
func (s *Store) RetryTask(ctx context.Context, task ClaimedTask, after time.Duration) error {
	return s.retry(ctx, task, after, nil)
}

// RetryFailedTask is RetryTask after an attempt that failed: why is kept with the task, see [Store.Task].
func (s *Store) RetryFailedTask(ctx context.Context, task ClaimedTask, after time.Duration, failed error) error {
	text := errorText(failed)
	return s.retry(ctx, task, after, &text)
}

func (s *Store) retry(ctx context.Context, task ClaimedTask, after time.Duration, failed *string) error {
	args := task.args()
	args["after"], args["error"] = after, failed
	tag, err := s.pool.Exec(ctx, sqlRetryTask, args)
	switch {
	case err != nil:
		return fmt.Errorf("retry task %s %s: %w", task.Kind, task.Key, err)
	case tag.RowsAffected() == 0:
		return &ClaimLostError{Task: task}
	}
	return nil
}

// NextTaskDue returns how long until the next task of a kind can be claimed, negative if it can be now, and false if there
// is none.
func (s *Store) NextTaskDue(ctx context.Context, kind string) (in time.Duration, some bool, err error) {
	err = s.pool.QueryRow(ctx, sqlNextTaskDue, pgx.StrictNamedArgs{"kind": kind}).Scan(&in)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return 0, false, nil
	case err != nil:
		return 0, false, fmt.Errorf("next task %s: %w", kind, err)
	}
	return in, true, nil
}

// PendingTask is a task as it waits.
type PendingTask struct {
	Attempt   int       // how often it was claimed
	Due       time.Time // when it can be claimed, again if it was before
	LastError string    // of the last attempt that failed; empty if none did
}

// Task returns a task that is not done, or false.
func (s *Store) Task(ctx context.Context, kind, key string) (t PendingTask, found bool, err error) {
	err = s.pool.QueryRow(ctx, sqlReadTask, pgx.StrictNamedArgs{"kind": kind, "key": key}).Scan(&t.Attempt, &t.Due, &t.LastError)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return PendingTask{}, false, nil
	case err != nil:
		return PendingTask{}, false, fmt.Errorf("read task %s %s: %w", kind, key, err)
	}
	return t, true, nil
}

// maxErrorText bounds what is kept of an error.
const maxErrorText = 1000

// errorText is an error as the database can store it.
func errorText(err error) string {
	text := strings.ReplaceAll(strings.ToValidUTF8(err.Error(), "?"), "\x00", "?")
	if len(text) > maxErrorText {
		text = strings.ToValidUTF8(text[:maxErrorText], "") + " …"
	}
	return text
}

// args name exactly one claim.
func (t ClaimedTask) args() pgx.StrictNamedArgs {
	return pgx.StrictNamedArgs{"kind": t.Kind, "key": t.Key, "position": t.Position, "attempt": t.Attempt}
}
