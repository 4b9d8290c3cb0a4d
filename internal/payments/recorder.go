package payments

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ordo-platform/ordo/eventstore/postgres"
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
	if len(group) > 1 && r.recordGroup(ctx, group) == nil {
		return
	}
	for _, one := range group {
		one.done <- r.worker.record(ctx, one.task, one.outcome)
	}
}

// recordGroup records a group in one transaction and tells each how it went, or tells nobody and returns an error.
func (r *recorder) recordGroup(ctx context.Context, group []*recording) error {
	w := r.worker
	ctx, cancel := context.WithTimeout(ctx, databaseTimeout)
	defer cancel()
	tasks := make([]postgres.ClaimedTask, len(group))
	for i, one := range group {
		tasks[i] = one.task
	}
	var removed []postgres.ClaimedTask
	err := pgx.BeginFunc(ctx, w.Pool, func(tx pgx.Tx) (err error) {
		if removed, err = w.Store.CompleteTasksTx(ctx, tx, tasks...); err != nil {
			return err
		}
		var outcomes []sagas.Caused
		for _, one := range group {
			switch {
			case !slices.Contains(removed, one.task):
			case len(one.outcome.Try) == 0:
				if err := w.nothingOpen(ctx, tx, one.task.Key); err != nil {
					return err
				}
			default:
				outcomes = append(outcomes, one.outcome)
			}
		}
		if len(outcomes) == 0 {
			return nil
		}
		appends, err := w.Commands.React(ctx, w.Store.ReaderTx(tx), outcomes)
		if err != nil {
			return err
		}
		_, err = w.Store.AppendTx(ctx, tx, appends...)
		return err
	})
	if err != nil {
		return fmt.Errorf("record %d payments: %w", len(group), err)
	}
	w.Store.Notify()
	for _, one := range group {
		if slices.Contains(removed, one.task) {
			one.done <- nil
		} else {
			one.done <- &postgres.ClaimLostError{Task: one.task}
		}
	}
	return nil
}
