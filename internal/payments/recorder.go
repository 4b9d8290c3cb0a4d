package payments

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ordo-platform/ordo/eventstore/postgres"
	db "github.com/ordo-platform/ordo/internal/postgres"
	"github.com/ordo-platform/ordo/sagas"
)

// maxGroup bounds how many outcomes are recorded in one transaction.
const maxGroup = 256

// recorder records outcomes in groups: while one group commits, the next collects. Each transaction waits for the head of
// the log and for the disk, so that one for each payment would be what bounds the whole platform.
type recorder struct {
	worker   *Worker
	outcomes chan *recording
}

// recording is an outcome on its way.
type recording struct {
	task    postgres.ClaimedTask
	outcome sagas.Caused
	done    chan error
}

// record waits until an outcome is recorded.
func (r *recorder) record(task postgres.ClaimedTask, outcome sagas.Caused) error {
	one := &recording{task, outcome, make(chan error, 1)}
	r.outcomes <- one
	return <-one.done
}

// run records until the channel of outcomes is closed. Told to stop by ctx, it goes on for a moment: what the provider has
// answered is worth recording.
func (r *recorder) run(stopping context.Context) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(stopping))
	defer cancel()
	defer context.AfterFunc(stopping, func() { time.AfterFunc(stopTimeout, cancel) })()
	for first := range r.outcomes {
		group := []*recording{first}
	gather:
		for len(group) < maxGroup {
			select {
			case next, open := <-r.outcomes:
				if !open {
					break gather
				}
				group = append(group, next)
			default:
				break gather
			}
		}
		r.settle(ctx, group)
	}
}

// settle records a group, and if that fails, each alone: what is wrong may be one's fault.
func (r *recorder) settle(ctx context.Context, group []*recording) {
	removed, err := r.worker.record(ctx, group)
	if err != nil && len(group) > 1 {
		for i := range group {
			r.settle(ctx, group[i:i+1])
		}
		return
	}
	for _, one := range group {
		switch {
		case err != nil:
			one.done <- fmt.Errorf("record payment of order %s: %w", one.task.Key, err)
		case slices.Contains(removed, one.task):
			one.done <- nil
		default:
			one.done <- &postgres.ClaimLostError{Task: one.task}
		}
	}
}

// record stores outcomes and removes their tasks, in one transaction. It returns the tasks that it removed: the others' outcomes are
// someone else's to record, and not stored.
func (w *Worker) record(ctx context.Context, group []*recording) (removed []postgres.ClaimedTask, err error) {
	ctx, cancel := context.WithTimeout(ctx, databaseTimeout)
	defer cancel()
	tx, err := db.Begin(ctx, w.Pool, func(b *pgx.Batch) {
		for _, one := range group {
			w.Store.CompleteTaskIn(b, one.task, func() { removed = append(removed, one.task) })
		}
	})
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback(ctx) }()
	var outcomes []sagas.Caused
	for _, one := range group {
		switch {
		case !slices.Contains(removed, one.task):
		case len(one.outcome.Try) == 0:
			if err := w.nothingOpen(ctx, tx, one.task.Key); err != nil {
				return nil, err
			}
		default:
			outcomes = append(outcomes, one.outcome)
		}
	}
	appends, err := w.Commands.React(ctx, w.Store.ReaderTx(tx), outcomes)
	if err != nil {
		return nil, err
	}
	stage, err := w.Store.StageTx(ctx, tx, appends...)
	if err != nil {
		return nil, err
	}
	if err := db.AtCommit(ctx, tx, stage); err != nil {
		return nil, err
	}
	if err := tx.Commit(ctx); err != nil {
		return nil, err
	}
	w.Store.Notify()
	return removed, nil
}
