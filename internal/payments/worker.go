package payments

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/payment"
	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/eventstore/postgres"
	"github.com/ordo-platform/ordo/internal/command"
	"github.com/ordo-platform/ordo/internal/psp"
	"github.com/ordo-platform/ordo/sagas"
)

// AuthorizeTask is the kind of the tasks that ask for an authorisation. The task's key is the order id.
const AuthorizeTask = "authorize_payment"

const (
	concurrency = 64               // calls under way at once, per process
	claim       = 30 * time.Second // a worker that died with a task gives it up after this; well above the provider's timeout
	idlePoll    = time.Second      // how long a task stored by another process may wait for us
	firstRetry  = 200 * time.Millisecond
	lastRetry   = 30 * time.Second
)

// TaskFor is the command.TaskRule of the payments service: an intent must be followed by a call.
func TaskFor(e aggregates.Event) (eventstore.Task, bool) {
	intent, ok := e.(payment.AuthorizationRequested)
	return eventstore.Task{Kind: AuthorizeTask, Key: intent.OrderID}, ok
}

// Provider is the payment provider. An error other than a definite answer means that nobody knows what happened.
type Provider interface {
	Authorize(ctx context.Context, r psp.AuthorizeRequest) (psp.Answer, error)
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
}

// New returns a worker. It does nothing until Run.
func New(c Config) *Worker { return &Worker{c} }

// Run works until ctx ends. Calls under way are given up then: their tasks are claimed again later, under the same key.
func (w *Worker) Run(ctx context.Context) error {
	wake, unsubscribe := w.Store.Subscribe()
	defer unsubscribe()
	var calls errgroup.Group
	calls.SetLimit(concurrency)
	defer func() { _ = calls.Wait() }() // settle reports its own errors
	for {
		claimed, err := w.Store.ClaimTasks(ctx, AuthorizeTask, concurrency, claim)
		if err != nil && ctx.Err() == nil {
			w.Logger.Warn("claiming payment tasks", "error", err)
		}
		for _, task := range claimed {
			calls.Go(func() error {
				w.settle(ctx, task)
				return nil
			})
		}
		if len(claimed) == concurrency {
			continue
		}
		timer := time.NewTimer(w.untilNext(ctx))
		select {
		case <-ctx.Done():
		case <-wake:
		case <-timer.C:
		}
		timer.Stop()
		if ctx.Err() != nil {
			return nil
		}
	}
}

// untilNext is how long there is nothing to do, unless somebody stores a task.
func (w *Worker) untilNext(ctx context.Context) time.Duration {
	due, waiting, err := w.Store.NextTaskDue(ctx, AuthorizeTask)
	if err != nil || !waiting {
		return idlePoll
	}
	return min(max(time.Until(due), time.Millisecond), idlePoll)
}

// settle makes one call and records its outcome, or puts the task off.
func (w *Worker) settle(ctx context.Context, task postgres.ClaimedTask) {
	err := w.authorize(ctx, task)
	if err == nil || ctx.Err() != nil {
		return
	}
	pause := min(firstRetry<<min(task.Attempt-1, 16), lastRetry)
	w.Logger.Warn("payment outcome not known yet", "order_id", task.Key, "attempt", task.Attempt, "retry_in", pause, "error", err)
	if err := w.Store.RetryTask(ctx, task, pause); err != nil && ctx.Err() == nil {
		w.Logger.Warn("putting off a payment task", "order_id", task.Key, "error", err) // its claim runs out
	}
}

func (w *Worker) authorize(ctx context.Context, task postgres.ClaimedTask) error {
	stream := eventstore.StreamID(payment.Stream(task.Key))
	now, err := command.Load(ctx, w.Store, payment.Decider, stream)
	if err != nil {
		return err
	}
	if now.State.Status != payment.StatusRequested {
		return w.record(ctx, task, sagas.Caused{}) // settled before; only the task is left
	}
	intent, err := w.Store.ReadStream(ctx, stream, 0, 1)
	if err != nil {
		return err
	}
	answer, err := w.ask(ctx, now.State, task.Attempt)
	if err != nil {
		return err
	}
	return w.record(ctx, task, sagas.Caused{
		Reaction: sagas.Reaction{Try: []aggregates.Command{outcome(task.Key, answer, time.Now().UTC())}},
		Cause:    intent[0],
		Step:     "record_authorization",
	})
}

// ask gets the provider's answer to an intent. A repeated attempt asks first what became of the ones before: a provider
// that did what it was told but cannot say so may still be able to tell when asked.
func (w *Worker) ask(ctx context.Context, p payment.State, attempt int) (psp.Answer, error) {
	if attempt > 1 {
		answer, err := w.Provider.Query(ctx, p.Key)
		if _, ok := errors.AsType[*psp.NotFoundError](err); !ok {
			return answer, err
		}
	}
	return w.Provider.Authorize(ctx, psp.AuthorizeRequest{
		Key: p.Key, OrderID: p.OrderID, Amount: p.Amount.Amount, Currency: p.Amount.Currency, Method: p.Method,
	})
}

func outcome(orderID string, answer psp.Answer, at time.Time) aggregates.Command {
	switch a := answer.(type) {
	case psp.Authorized:
		return payment.RecordAuthorized{OrderID: orderID, AuthorizationID: a.AuthorizationID, At: at}
	case psp.Declined:
		return payment.RecordDeclined{OrderID: orderID, Reason: a.Reason, At: at}
	default:
		panic(fmt.Sprintf("payments: no such answer: %T", answer)) // the interface is sealed
	}
}

// record stores the outcome and removes the task, in one transaction.
func (w *Worker) record(ctx context.Context, task postgres.ClaimedTask, outcome sagas.Caused) error {
	// The provider has answered: what is known now is worth recording even if the process is asked to stop.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err := pgx.BeginFunc(ctx, w.Pool, func(tx pgx.Tx) error {
		if err := w.Store.CompleteTaskTx(ctx, tx, task); err != nil {
			return err
		}
		if len(outcome.Try) == 0 {
			return nil
		}
		appends, err := w.Commands.React(ctx, w.Store.ReaderTx(tx), []sagas.Caused{outcome})
		if err != nil {
			return err
		}
		_, err = w.Store.AppendTx(ctx, tx, appends...)
		return err
	})
	if err != nil {
		return errors.Join(fmt.Errorf("record payment of order %s", task.Key), err)
	}
	w.Store.Notify()
	return nil
}
