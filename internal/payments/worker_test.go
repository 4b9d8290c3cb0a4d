package payments_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/payment"
	"github.com/ordo-platform/ordo/eventstore"
	eventpg "github.com/ordo-platform/ordo/eventstore/postgres"
	"github.com/ordo-platform/ordo/internal/command"
	"github.com/ordo-platform/ordo/internal/payments"
	"github.com/ordo-platform/ordo/internal/postgres"
	"github.com/ordo-platform/ordo/internal/psp"
	"github.com/ordo-platform/ordo/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// most is how many calls a worker makes at once: in the quick lane and in the slow one.
const most = 128 + 128

// provider answers as told and counts.
type provider struct {
	mu        sync.Mutex
	calls     int
	authorize func(ctx context.Context, r psp.AuthorizeRequest) (psp.Answer, error)
}

func (p *provider) Authorize(ctx context.Context, r psp.AuthorizeRequest) (psp.Answer, error) {
	p.mu.Lock()
	p.calls++
	p.mu.Unlock()
	return p.authorize(ctx, r)
}

func (p *provider) Do(context.Context, psp.VerbRequest) (psp.Answer, error) {
	panic("not asked for in these tests")
}

func (p *provider) Query(_ context.Context, key string) (psp.Answer, error) {
	return nil, &psp.NotFoundError{Key: key}
}

func (p *provider) called() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls
}

func yes(_ context.Context, r psp.AuthorizeRequest) (psp.Answer, error) {
	return psp.Authorized{AuthorizationID: "auth-" + r.OrderID}, nil
}

// silence is a provider that never answers. Like the client of a real one, it gives up only with the context.
func silence(ctx context.Context, r psp.AuthorizeRequest) (psp.Answer, error) {
	<-ctx.Done()
	return nil, &psp.UnknownError{Op: "authorize", Key: r.Key, Err: ctx.Err()}
}

// fixture is the log of a payments service.
type fixture struct {
	url   string
	pool  *pgxpool.Pool
	store *eventpg.Store
}

func setup(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{url: testenv.Postgres(t)}
	var err error
	if f.pool, err = postgres.Open(t.Context(), f.url, 12); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.pool.Close)
	if err := postgres.Migrate(t.Context(), f.pool, "eventstore", eventpg.Migrations()); err != nil {
		t.Fatal(err)
	}
	if f.store, err = eventpg.Open(t.Context(), f.pool, eventpg.Config{UnsafeDurability: true}); err != nil {
		t.Fatal(err)
	}
	return f
}

// request records the intent to authorise a payment for each order, with its task.
func (f *fixture) request(t *testing.T, amount int64, orders ...string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.store.Run(ctx) }()
	for _, id := range orders {
		intent := request(id, psp.MethodOK)
		intent.Amount.Amount = amount
		f.do(t, intent)
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func request(order, method string) payment.Request {
	return payment.Request{OrderID: order, Amount: aggregates.Money{Amount: 100, Currency: "EUR"}, Method: method, At: time.Now()}
}

// work runs a worker until the test ends or stop is called.
func (f *fixture) work(t *testing.T, p payments.Provider) (stop func()) {
	t.Helper()
	return f.run(t, f.newWorker(t, p))
}

func (f *fixture) newWorker(t *testing.T, p payments.Provider) *payments.Worker {
	return payments.New(payments.Config{
		Store: f.store, Pool: f.pool, Commands: command.New(f.store, payments.Tasks), Provider: p,
		Logger: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError})),
	})
}

func (f *fixture) run(t *testing.T, w *payments.Worker) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func (f *fixture) payment(t *testing.T, order string) payment.State {
	t.Helper()
	out, err := command.Load(t.Context(), f.store, payment.Decider, eventstore.StreamID(payment.Stream(order)))
	if err != nil {
		t.Fatal(err)
	}
	return out.State
}

func orders(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprint("o", i)
	}
	return ids
}

// eventually waits until something holds.
func eventually(t *testing.T, limit time.Duration, what string, holds func() bool) {
	t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(limit); !holds(); <-ticker.C {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", limit, what)
		}
	}
}

func (f *fixture) settled(t *testing.T, ids []string) func() bool {
	return func() bool {
		for _, id := range ids {
			if f.payment(t, id).Status != payment.StatusAuthorized {
				return false
			}
		}
		return true
	}
}

// A product may cost nothing, and no provider holds nothing: such a payment is settled without a call, or it would be
// rejected and tried again for ever.
func TestNothingToPay(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.request(t, 0, "free")
	p := &provider{authorize: func(_ context.Context, r psp.AuthorizeRequest) (psp.Answer, error) {
		return nil, &psp.RequestError{Op: "authorize", Key: r.Key, Code: psp.CodeInvalidRequest, Message: "amount 0 is not positive"}
	}}
	f.work(t, p)
	eventually(t, 5*time.Second, "the payment is authorised", f.settled(t, []string{"free"}))
	if p.called() != 0 {
		t.Errorf("the provider was called %d times", p.called())
	}
	if _, waiting, err := f.store.NextTaskDue(t.Context(), payments.CallTask); waiting || err != nil {
		t.Errorf("the task is still there: %v, %v", waiting, err)
	}
}

// A worker whose calls all hang takes no task that it cannot begin: its claim would run out in line, and another process
// could have made the call.
func TestOnlyWhatCanBeginIsClaimed(t *testing.T) {
	t.Parallel()
	f := setup(t)
	ids := orders(most + 20)
	f.request(t, 100, ids...)
	p := &provider{authorize: silence}
	f.work(t, p)
	eventually(t, 10*time.Second, "the worker is busy", func() bool { return p.called() == most })
	rest, err := f.store.ClaimTasks(t.Context(), payments.CallTask, len(ids), time.Minute)
	if err != nil || len(rest) != 20 {
		t.Errorf("another process gets %d tasks (%v), want the 20 that are not being worked on", len(rest), err)
	}
}

// Calls that a stopping worker gives up are made again by the next one at once, not when their claims run out.
func TestAStoppedWorkerGivesItsTasksBack(t *testing.T) {
	t.Parallel()
	f := setup(t)
	ids := orders(10)
	f.request(t, 100, ids...)
	p := &provider{authorize: silence}
	stop := f.work(t, p)
	eventually(t, 10*time.Second, "the calls are under way", func() bool { return p.called() == len(ids) })
	stop()
	f.work(t, &provider{authorize: yes})
	eventually(t, 10*time.Second, "the next worker has them", f.settled(t, ids))
}

// While the head of the log is locked, outcomes wait for it, but not on all of the service's connections.
func TestOutcomesLeaveConnectionsToOthers(t *testing.T) {
	t.Parallel()
	f := setup(t)
	ids := orders(40)
	f.request(t, 100, ids...)
	unlock := f.lockHead(t)
	p := &provider{authorize: yes}
	f.work(t, p)
	eventually(t, 10*time.Second, "the provider has answered", func() bool { return p.called() >= 12 })
	for deadline := time.Now().Add(time.Second); time.Now().Before(deadline); <-time.After(10 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second) // as long as a health check waits
		err := f.pool.Ping(ctx)
		cancel()
		if err != nil {
			t.Fatalf("no connection is left for a health check: %v", err)
		}
	}
	unlock()
	eventually(t, 20*time.Second, "all outcomes are recorded", f.settled(t, ids))
}

// An outcome that cannot be recorded does not keep a worker from stopping. The next one asks the provider again.
func TestAWorkerStopsInTime(t *testing.T) {
	t.Parallel()
	f := setup(t)
	ids := orders(10)
	f.request(t, 100, ids...)
	unlock := f.lockHead(t)
	p := &provider{authorize: yes}
	stop := f.work(t, p)
	eventually(t, 10*time.Second, "the provider has answered", func() bool { return p.called() == len(ids) })
	began := time.Now()
	stop()
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("it took %s", took)
	}
	unlock()
	f.work(t, p)
	eventually(t, 10*time.Second, "all outcomes are recorded", f.settled(t, ids))
}

// lockHead keeps the log from being appended to until unlock is called.
func (f *fixture) lockHead(t *testing.T) (unlock func()) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), f.url)
	if err != nil {
		t.Fatal(err)
	}
	unlock = func() { _ = conn.Close(context.Background()) }
	t.Cleanup(unlock)
	if _, err := conn.Exec(t.Context(), "BEGIN; SELECT FROM log_head FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	return unlock
}

// A task may be due and not to be had: another worker is just claiming it, or the clocks differ. That is waited for, not
// asked for again and again.
func TestAWorkerThatGetsNothingDoesNotSpin(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.request(t, 100, "locked")
	tx, err := f.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.Background())
	if _, err := tx.Exec(t.Context(), "SELECT FROM tasks FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	before := f.pool.Stat().AcquireCount()
	stop := f.work(t, &provider{authorize: yes})
	<-time.After(500 * time.Millisecond)
	stop()
	if asked := f.pool.Stat().AcquireCount() - before; asked > 100 {
		t.Errorf("the database was asked %d times in half a second", asked)
	}
}

// A payment that the provider has answered makes room for the next call, also while its outcome cannot be recorded.
func TestAnsweredPaymentsMakeRoom(t *testing.T) {
	t.Parallel()
	f := setup(t)
	ids := orders(most + 40)
	f.request(t, 100, ids...)
	unlock := f.lockHead(t)
	p := &provider{authorize: yes}
	f.work(t, p)
	eventually(t, 10*time.Second, "all calls are made", func() bool { return p.called() == len(ids) })
	unlock()
	eventually(t, 20*time.Second, "all outcomes are recorded", f.settled(t, ids))
}

// A provider that lets calls hang keeps nobody else waiting: after a moment they go on beside the others.
func TestHangingCallsMakeRoom(t *testing.T) {
	t.Parallel()
	f := setup(t)
	ids := orders(200)
	f.request(t, 100, ids...)
	hanging := map[string]bool{}
	for _, id := range ids[:150] { // more than are begun at once
		hanging[id] = true
	}
	f.work(t, &provider{authorize: func(ctx context.Context, r psp.AuthorizeRequest) (psp.Answer, error) {
		if hanging[r.OrderID] {
			return silence(ctx, r)
		}
		return yes(ctx, r)
	}})
	eventually(t, 10*time.Second, "the others are settled", f.settled(t, ids[150:]))
}

// A provider that answers nothing is called a few times, not once for each payment; the payments wait, and none is taken
// for declined. When it is back, all are settled, each by one authorisation.
func TestAnOutageIsWaitedFor(t *testing.T) {
	t.Parallel()
	f := setup(t)
	ids := orders(300)
	f.request(t, 100, ids...)
	var down atomic.Bool
	down.Store(true)
	p := &provider{authorize: func(ctx context.Context, r psp.AuthorizeRequest) (psp.Answer, error) {
		if down.Load() {
			return nil, &psp.UnknownError{Op: "authorize", Key: r.Key, Err: errors.New("status 503")}
		}
		return yes(ctx, r)
	}}
	w := f.newWorker(t, p)
	payments.SetPause(w, 300*time.Millisecond)
	f.run(t, w)
	eventually(t, 10*time.Second, "the worker holds back", func() bool { return w.ProviderStatus() != nil })
	<-time.After(time.Second) // some trials
	if calls := p.called(); calls > 150 {
		t.Errorf("the provider was called %d times while it was down", calls)
	}
	for _, id := range ids {
		if status := f.payment(t, id).Status; status != payment.StatusRequested {
			t.Errorf("%s is %s", id, status)
		}
	}
	down.Store(false)
	eventually(t, 20*time.Second, "all are settled", f.settled(t, ids))
	eventually(t, 5*time.Second, "nothing is held back", func() bool { return w.ProviderStatus() == nil })
}
