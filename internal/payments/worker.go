package payments

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/semaphore"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/payment"
	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/eventstore/postgres"
	"github.com/ordo-platform/ordo/internal/command"
	"github.com/ordo-platform/ordo/internal/psp"
	"github.com/ordo-platform/ordo/sagas"
	"github.com/ordo-platform/ordo/schemas"
)

// CallTask is the kind of the tasks that ask for a call to the provider. The task's key is the order id: a payment has one
// call open at most.
const CallTask = "call_provider"

const (
	// concurrency is how many payments a process begins to settle at once. One that takes longer than patience goes on among
	// the slow ones and makes room: a provider that lets some calls hang must not keep all others waiting. One that is answered
	// makes room, too: recording it may take longer than the call did.
	concurrency = 128
	patience    = 250 * time.Millisecond
	slow        = 128
	inHand      = 512 // at most: being called for and being recorded

	// connections is how many of the pool's connections a worker reads payments with at once; one more records outcomes.
	connections = 4

	// claim is after how long a worker that died with a task gives it up. It is well above the time a living one takes:
	// reading the intent, two calls to the provider, recording the outcome.
	claim           = 30 * time.Second
	databaseTimeout = 5 * time.Second // for reading, and again for recording; the wait for a connection included

	// Once told to stop, a worker spends this long on recording outcomes, and then on giving tasks back.
	stopTimeout     = 500 * time.Millisecond
	giveBackTimeout = 500 * time.Millisecond

	// How long to wait when nothing can be claimed. A task stored by another process may wait for idlePoll. One that seems to
	// be due and is not to be had, because another worker is at it, is not asked for more often
	// than every minPoll.
	idlePoll = time.Second
	minPoll  = 20 * time.Millisecond

	firstRetry   = 200 * time.Millisecond
	lastRetry    = 30 * time.Second
	longestAsked = 5 * time.Minute // that a provider may ask us to wait (Retry-After)
)

// Tasks is the command.TaskRule of the payments service: an intent must be followed by a call, and a call that is put off is made
// at once when somebody wants it again.
func Tasks(e aggregates.Event, a *eventstore.Append) {
	orderID, _, ok := intentOf(e)
	if again, wanted := e.(payment.RetryRequested); wanted {
		orderID, ok = again.OrderID, true
	}
	if ok {
		a.Tasks = append(a.Tasks, eventstore.Task{Kind: CallTask, Key: orderID})
	}
}

// intentOf returns the key of the call that an event asks for, if it asks for one.
func intentOf(e aggregates.Event) (orderID, key string, ok bool) {
	switch e := e.(type) {
	case payment.AuthorizationRequested:
		return e.OrderID, e.Key, true
	case payment.CaptureRequested:
		return e.OrderID, e.Key, true
	case payment.VoidRequested:
		return e.OrderID, e.Key, true
	case payment.RefundRequested:
		return e.OrderID, e.Key, true
	}
	return "", "", false
}

// Provider is the payment provider. An error other than a definite answer means that nobody knows what happened.
type Provider interface {
	Authorize(ctx context.Context, r psp.AuthorizeRequest) (psp.Answer, error)
	Do(ctx context.Context, r psp.VerbRequest) (psp.Answer, error)
	Query(ctx context.Context, key string) (psp.Answer, error)
}

// Config is what a worker needs. All fields are required.
type Config struct {
	Store    *postgres.Store
	Pool     *pgxpool.Pool
	Commands *command.Handler
	Provider Provider
	Logger   *slog.Logger
}

// Worker works off the tasks of one process. Any number of processes may run one on the same database.
type Worker struct {
	Config
	provider    *guard
	connections *semaphore.Weighted
	lanes       lanes
	recorder    recorder
}

// New returns a worker. It does nothing until Run.
func New(c Config) *Worker {
	w := &Worker{
		Config:      c,
		provider:    newGuard(c.Provider, pause),
		connections: semaphore.NewWeighted(connections),
		lanes:       newLanes(),
	}
	w.recorder = recorder{worker: w, outcomes: make(chan *recording)}
	return w
}

// ProviderStatus is nil while the provider is called, and else says why payments wait.
func (w *Worker) ProviderStatus() error { return w.provider.status() }

// Run works until ctx ends. Calls under way are given up then, and their tasks given back: they are made again, by whoever
// is next, under the same key.
func (w *Worker) Run(ctx context.Context) error {
	wake, unsubscribe := w.Store.Subscribe()
	defer unsubscribe()
	var recorder, calls sync.WaitGroup
	recorder.Go(func() { w.recorder.run(ctx) })
	defer func() {
		calls.Wait()
		close(w.recorder.outcomes)
		recorder.Wait()
	}()
	for {
		// What is claimed is begun at once: a claim must not run out in line, while another process could do the work.
		free, err := w.lanes.enter(ctx)
		if err != nil {
			return nil // told to stop
		}
		room, paused := w.provider.room(free)
		claimed := w.claim(ctx, room)
		w.lanes.leave(free - len(claimed))
		if len(claimed) > 0 {
			calls.Go(func() {
				found := w.read(ctx, claimed)
				for _, task := range claimed {
					calls.Go(func() {
						defer w.lanes.done()
						w.settle(ctx, task, found[task.Key])
					})
				}
			})
		}
		switch {
		case paused > 0:
			wait(ctx, nil, paused)
		case len(claimed) < free:
			wait(ctx, wake, w.untilNext(ctx))
		}
	}
}

// claim takes up to n tasks. That it cannot is seen by those who wait, and in the log.
func (w *Worker) claim(ctx context.Context, n int) []postgres.ClaimedTask {
	if n == 0 {
		return nil
	}
	claimed, err := w.Store.ClaimTasks(ctx, CallTask, n, claim)
	if err != nil && ctx.Err() == nil {
		w.Logger.Warn("claiming payment tasks", "error", err)
	}
	return claimed
}

// wait returns after d, when wake has a token, or when ctx ends.
func wait(ctx context.Context, wake <-chan struct{}, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-wake:
	case <-timer.C:
	}
}

// untilNext is how long there is nothing to do, unless somebody stores a task.
func (w *Worker) untilNext(ctx context.Context) time.Duration {
	in, waiting, err := w.Store.NextTaskDue(ctx, CallTask)
	if err != nil || !waiting {
		return idlePoll
	}
	return min(max(in, minPoll), idlePoll)
}

// settle makes one call and records its outcome, or puts the task off.
func (w *Worker) settle(ctx context.Context, task postgres.ClaimedTask, found reading) {
	err := w.call(ctx, task, found)
	if err == nil {
		return
	}
	var pause time.Duration // none when it is us who gave up
	if ctx.Err() == nil {
		pause = retryIn(task.Attempt, err)
		w.Logger.Warn("payment outcome not known yet", "order_id", task.Key, "attempt", task.Attempt, "retry_in", pause, "error", err)
	}
	_, paused := errors.AsType[*pausedError](err)
	failed := ctx.Err() == nil && !paused // else it was not tried, or not to its end
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), giveBackTimeout)
	defer cancel()
	if failed {
		err = w.Store.RetryFailedTask(ctx, task, pause, err)
	} else {
		err = w.Store.RetryTask(ctx, task, pause)
	}
	if _, lost := errors.AsType[*postgres.ClaimLostError](err); err != nil && !lost { // lost: it is done, or another worker's
		w.Logger.Warn("putting off a payment task", "order_id", task.Key, "error", err) // its claim runs out
	}
}

// retryIn is how long to wait after an attempt: longer each time, not all at once, and no shorter than the provider asks for.
func retryIn(attempt int, err error) time.Duration {
	if paused, ok := errors.AsType[*pausedError](err); ok {
		return max(paused.For, firstRetry)
	}
	backoff := min(firstRetry<<min(attempt-1, 16), lastRetry)
	backoff = backoff/2 + rand.N(backoff/2+1) //nolint:gosec // jitter
	if unknown, ok := errors.AsType[*psp.UnknownError](err); ok {
		return max(backoff, min(unknown.RetryAfter, longestAsked))
	}
	return backoff
}

// call makes the call that a payment has open and records its outcome.
func (w *Worker) call(ctx context.Context, task postgres.ClaimedTask, found reading) error {
	settled, err := w.answer(ctx, task, found)
	if err != nil {
		return err
	}
	return w.recorder.record(task, settled)
}

// answer makes the call that a payment has open, in a lane, and returns what is to be recorded: nothing if it was answered before,
// so that only the task is left.
func (w *Worker) answer(ctx context.Context, task postgres.ClaimedTask, found reading) (sagas.Caused, error) {
	defer w.lanes.stay()()
	now := found.now
	if found.err != nil || now.Open == (payment.Intent{}) {
		return sagas.Caused{}, found.err
	}
	answer, err := w.ask(ctx, now, task.Attempt)
	if err != nil {
		return sagas.Caused{}, err
	}
	record, err := outcome(now, answer, time.Now().UTC())
	if err != nil {
		return sagas.Caused{}, err
	}
	return sagas.Caused{
		Reaction: sagas.Reaction{Try: []aggregates.Command{record}},
		Cause:    found.intent,
		Step:     "record_" + string(now.Open.Call),
	}, nil
}

// reading is what is known of a payment.
type reading struct {
	now    payment.State
	intent eventstore.Recorded // asked for the call that it has open, if it has one
	err    error
}

// read returns the payments of tasks, all in one go: one by one, waiting for a connection would take longer than the call.
func (w *Worker) read(ctx context.Context, tasks []postgres.ClaimedTask) map[string]reading {
	ids := make([]string, len(tasks))
	for i, t := range tasks {
		ids[i] = t.Key
	}
	ctx, cancel := context.WithTimeout(ctx, databaseTimeout)
	defer cancel()
	var found map[string]reading
	err := w.connections.Acquire(ctx, 1)
	if err == nil {
		defer w.connections.Release(1)
		found, err = load(ctx, w.Store, ids...)
	}
	if err != nil {
		found = make(map[string]reading, len(ids))
		for _, id := range ids {
			found[id] = reading{err: fmt.Errorf("read payment of order %s: %w", id, err)}
		}
	}
	return found
}

// load reads payments. What is wrong with one is in its reading.
func load(ctx context.Context, r eventstore.Reader, ids ...string) (map[string]reading, error) {
	streams := make(map[eventstore.StreamID]int, len(ids))
	for _, id := range ids {
		streams[eventstore.StreamID(payment.Stream(id))] = 0
	}
	histories, err := r.ReadStreams(ctx, streams)
	if err != nil {
		return nil, err
	}
	found := make(map[string]reading, len(ids))
	for _, id := range ids {
		stream := eventstore.StreamID(payment.Stream(id))
		found[id] = fold(stream, histories[stream].Events)
	}
	return found, nil
}

func fold(stream eventstore.StreamID, events []eventstore.Recorded) (f reading) {
	if len(events) == 0 {
		return reading{err: fmt.Errorf("%s has no events, but a task", stream)}
	}
	for _, rec := range events {
		decoded, err := schemas.Decode(rec.Event)
		if err != nil {
			return reading{err: fmt.Errorf("load %s version %d: %w", stream, rec.Version, err)}
		}
		e, ok := decoded.(payment.Event)
		if !ok {
			return reading{err: fmt.Errorf("load %s version %d: a %s does not belong here", stream, rec.Version, rec.Type)}
		}
		f.now = payment.Decider.Evolve(f.now, e)
		if _, key, asks := intentOf(e); asks && key == f.now.Open.Key {
			f.intent = rec
		}
	}
	return f
}

// nothingOpen fails if a payment has a call open: it was asked for a moment ago, and its task is the one being removed.
func (w *Worker) nothingOpen(ctx context.Context, tx pgx.Tx, orderID string) error {
	found, err := load(ctx, w.Store.ReaderTx(tx), orderID)
	if err != nil {
		return err
	}
	f := found[orderID]
	if f.err == nil && f.now.Open != (payment.Intent{}) {
		return fmt.Errorf("%s was asked for meanwhile", f.now.Open.Key)
	}
	return f.err
}
