package deadlines

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/eventstore/postgres"
	"github.com/ordo-platform/ordo/internal/command"
	db "github.com/ordo-platform/ordo/internal/postgres"
	"github.com/ordo-platform/ordo/sagas"
	"github.com/ordo-platform/ordo/sagas/fulfilment"
	"github.com/ordo-platform/ordo/schemas"
)

const (
	batch = 200 // deadlines claimed at once

	// claim is after how long a worker that died with deadlines gives them up.
	claim           = 10 * time.Second
	databaseTimeout = 5 * time.Second

	// Deadlines that others store are seen idlePoll later at most. Nobody is told of new ones: they are stored by the
	// hundred each second, and due much later.
	idlePoll = time.Second
	minPoll  = 10 * time.Millisecond

	retry = time.Second // after a failure
)

// Config is what a worker needs. All fields are required.
type Config struct {
	Store    *postgres.Store // of orders
	Pool     *pgxpool.Pool
	Commands *command.Handler
	Clock    func() time.Time // for the time that events tell
	Logger   *slog.Logger
}

// Worker passes the deadlines of one process.
type Worker struct{ Config }

// New returns a worker. It does nothing until Run.
func New(c Config) *Worker { return &Worker{c} }

// Run works until ctx ends.
func (w *Worker) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		n, err := w.pass(ctx)
		pause := w.untilNext(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			w.Logger.Warn("passing deadlines", "error", err)
			pause = retry
		case n == batch:
			continue
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
	return nil
}

// untilNext is how long nothing is due, as far as is known.
func (w *Worker) untilNext(ctx context.Context) time.Duration {
	in, waiting, err := w.Store.NextTaskDue(ctx, fulfilment.DeadlineTask)
	if err != nil || !waiting {
		return idlePoll
	}
	return min(max(in, minPoll), idlePoll)
}

// pass claims deadlines that are due and passes them. It returns how many there were.
func (w *Worker) pass(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, databaseTimeout)
	defer cancel()
	tasks, err := w.Store.ClaimTasks(ctx, fulfilment.DeadlineTask, batch, claim)
	if err != nil || len(tasks) == 0 {
		return 0, err
	}
	streams, wanted := make([]eventstore.StreamID, len(tasks)), map[eventstore.StreamID]int{}
	for i, task := range tasks {
		id, _, _ := fulfilment.ParseDeadline(task.Key) // what is no key has no order
		streams[i] = eventstore.StreamID(order.Stream(id))
		wanted[streams[i]] = 0 // all events: one of them says since when the order waits
	}
	orders, err := w.Store.ReadStreams(ctx, wanted)
	if err != nil {
		return 0, err
	}
	var answered []postgres.ClaimedTask // by far the most
	for i, task := range tasks {
		d, awaited, err := read(task, orders[streams[i]].Events)
		switch {
		case err == nil && !awaited:
			answered = append(answered, task)
			continue
		case err == nil:
			err = w.passOne(ctx, d)
		}
		if err != nil {
			w.putOff(ctx, task, err)
		}
	}
	// An order never waits for the same thing again, so what has been answered stays so.
	return len(tasks), w.Store.CompleteTasks(ctx, answered...)
}

// deadline is one that is due, of an order that still waits.
type deadline struct {
	task  postgres.ClaimedTask
	order order.ID
	wait  order.Wait
	cause eventstore.Recorded // the event that started the wait
}

// read finds out whether what a deadline is for is still awaited, from the events of its order.
func read(task postgres.ClaimedTask, events []eventstore.Recorded) (d deadline, awaited bool, err error) {
	d.task = task
	if d.order, d.wait, err = fulfilment.ParseDeadline(task.Key); err != nil {
		return d, false, err
	}
	state := order.Decider.Initial()
	for _, rec := range events {
		e, err := schemas.Decode(rec.Event)
		if err != nil {
			return d, false, fmt.Errorf("version %d: %w", rec.Version, err)
		}
		own, ok := e.(order.Event)
		if !ok {
			return d, false, fmt.Errorf("version %d: a %s does not belong here", rec.Version, rec.Type)
		}
		if _, wait, starts := order.Awaits(own); starts && wait == d.wait {
			d.cause = rec
		}
		state = order.Decider.Evolve(state, own)
	}
	return d, state.Wait == d.wait && state.Status != order.StatusNeedsAttention, nil
}

// passOne has the order decide on its deadline, and removes the task with what follows. If an answer comes in between, the
// append is a conflict, and the deadline is looked at again.
func (w *Worker) passOne(ctx context.Context, d deadline) error {
	mine := false
	tx, err := db.Begin(ctx, w.Pool, func(b *pgx.Batch) { w.Store.CompleteTaskIn(b, d.task, func() { mine = true }) })
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(ctx) }()
	if !mine {
		return &postgres.ClaimLostError{Task: d.task}
	}
	pass := order.PassDeadline{OrderID: d.order, Wait: d.wait, At: w.Clock().UTC()}
	appends, err := w.Commands.React(ctx, w.Store.ReaderTx(tx), []sagas.Caused{{
		Reaction: sagas.Reaction{Try: []aggregates.Command{pass}}, Cause: d.cause, Step: fulfilment.PassDeadline,
	}})
	if err != nil {
		return err
	}
	stage, err := w.Store.StageTx(ctx, tx, appends...)
	if err != nil {
		return err
	}
	if err := db.AtCommit(ctx, tx, stage); err != nil {
		return err
	}
	if err := tx.Commit(ctx); err != nil {
		return err
	}
	w.Store.Notify()
	w.Logger.Info("deadline passed", "order_id", d.order, "step", d.wait.Step, "attempt", d.wait.Attempt)
	return nil
}

// putOff gives a deadline back that could not be passed.
func (w *Worker) putOff(ctx context.Context, task postgres.ClaimedTask, why error) {
	if _, lost := errors.AsType[*postgres.ClaimLostError](why); lost {
		return // the answer has removed it, or the claim ran out and another worker has it
	}
	pause := min(retry<<min(task.Attempt-1, 6), time.Minute)
	if errors.Is(why, eventstore.ErrConflict) {
		pause = 0 // the answer came at the same time, and was first
	} else {
		w.Logger.Warn("a deadline could not be passed", "deadline", task.Key, "attempt", task.Attempt, "retry_in", pause, "error", why)
	}
	if err := w.Store.RetryTask(ctx, task, pause); err != nil { // its claim runs out
		w.Logger.Warn("putting off a deadline", "deadline", task.Key, "error", err)
	}
}
