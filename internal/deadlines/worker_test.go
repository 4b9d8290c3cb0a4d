package deadlines_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/eventstore"
	eventpg "github.com/ordo-platform/ordo/eventstore/postgres"
	"github.com/ordo-platform/ordo/internal/command"
	"github.com/ordo-platform/ordo/internal/deadlines"
	"github.com/ordo-platform/ordo/internal/postgres"
	"github.com/ordo-platform/ordo/internal/testenv"
	"github.com/ordo-platform/ordo/sagas/fulfilment"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// fixture is the log of an orders service.
type fixture struct {
	t        *testing.T
	pool     *pgxpool.Pool
	store    *eventpg.Store
	commands *command.Handler
}

// setup runs a store whose orders wait for their stock as long as told.
func setup(t *testing.T, within time.Duration) *fixture {
	t.Helper()
	f := &fixture{t: t}
	var err error
	if f.pool, err = postgres.Open(t.Context(), testenv.Postgres(t), 8); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.pool.Close)
	if err := postgres.Migrate(t.Context(), f.pool, "eventstore", eventpg.Migrations()); err != nil {
		t.Fatal(err)
	}
	if f.store, err = eventpg.Open(t.Context(), f.pool, eventpg.Config{UnsafeDurability: true}); err != nil {
		t.Fatal(err)
	}
	f.commands = command.New(f.store, fulfilment.Within{order.StepReserveStock: within}.Tasks)
	f.start(f.store.Run)
	return f
}

// start runs a component until the test ends, or until stop is called.
func (f *fixture) start(run func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(f.t.Context()))
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			f.t.Error(err)
		}
	}
	f.t.Cleanup(stop)
	return stop
}

// worker starts a worker whose process has a clock of its own.
func (f *fixture) worker(clock func() time.Time) (stop func()) {
	return f.start(deadlines.New(deadlines.Config{
		Store: f.store, Pool: f.pool, Commands: f.commands, Clock: clock, Logger: slog.New(slog.DiscardHandler),
	}).Run)
}

func (f *fixture) execute(c order.Command) {
	f.t.Helper()
	_, err := command.Execute(f.t.Context(), f.commands, order.Decider, command.Call[order.State, order.Command]{
		Command: c, Metadata: eventstore.Metadata{CorrelationID: "story"},
	})
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) place() order.ID {
	f.t.Helper()
	id := order.ID(uuid.NewString())
	price := aggregates.Money{Amount: 100, Currency: "EUR"}
	f.execute(order.Place{
		OrderID: id, CustomerID: "c", Lines: []order.Line{{SKU: "MUG", Quantity: 1, UnitPrice: price}}, PaymentMethod: "pm_ok", At: time.Now().UTC(),
	})
	return id
}

func (f *fixture) events(id order.ID) []eventstore.Recorded {
	f.t.Helper()
	events, err := f.store.ReadStream(f.t.Context(), eventstore.StreamID(order.Stream(id)), 0, 0)
	if err != nil {
		f.t.Fatal(err)
	}
	return events
}

// await waits until it holds; the test's own time limit is the only one.
func (f *fixture) await(what string, holds func() bool) {
	f.t.Helper()
	for !holds() {
		select {
		case <-f.t.Context().Done():
			f.t.Fatal(what)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// open counts the deadlines that are stored.
func (f *fixture) open() (n int) {
	f.t.Helper()
	if err := f.pool.QueryRow(f.t.Context(), "SELECT count(*) FROM tasks WHERE kind = 'deadline'").Scan(&n); err != nil {
		f.t.Fatal(err)
	}
	return n
}

func types(events []eventstore.Recorded) string {
	var all []string
	for _, e := range events {
		all = append(all, e.Type)
	}
	return fmt.Sprint(all)
}

const timedOut = "[OrderPlaced OrderCancellationRequested]"

func TestADeadlinePassesOnce(t *testing.T) {
	t.Parallel()
	f := setup(t, 50*time.Millisecond)
	for range 3 { // workers, in as many processes
		f.worker(time.Now)
	}
	var ids []order.ID
	for range 20 {
		ids = append(ids, f.place())
	}
	for _, id := range ids {
		f.await("the deadline never passes", func() bool { return len(f.events(id)) > 1 })
		events := f.events(id)
		if got := types(events); got != timedOut {
			t.Errorf("got %s", got)
		}
		meta := events[1].Metadata
		if meta.CorrelationID != "story" || meta.CausationID != events[0].ID.String() || meta.Actor != "step:pass_deadline" {
			t.Errorf("metadata %+v", meta)
		}
	}
	if n := f.open(); n != len(ids) { // of the release that each of them waits for now
		t.Errorf("%d deadlines are open, of %d orders", n, len(ids))
	}
}

// An answer takes its deadline away, and one that is left all the same passes without effect.
func TestAnAnswerInTime(t *testing.T) {
	t.Parallel()
	f := setup(t, time.Hour)
	id := f.place()
	f.execute(order.RequestPayment{OrderID: id, At: time.Now().UTC()})
	const payment = 1 // whose deadline is open
	if n := f.open(); n != payment {
		t.Fatalf("%d deadlines are open", n)
	}
	_, err := f.pool.Exec(t.Context(), `INSERT INTO tasks (position, due_at, kind, key) VALUES (1, now(), 'deadline', $1)`,
		fulfilment.DeadlineKey(id, order.Wait{Step: order.StepReserveStock, Attempt: 1}))
	if err != nil {
		t.Fatal(err)
	}
	f.worker(time.Now)
	f.await("the deadline stays", func() bool { return f.open() == payment })
	if got := types(f.events(id)); got != "[OrderPlaced OrderPaymentRequested]" {
		t.Errorf("got %s", got)
	}
}

// A deadline that comes due while no worker runs passes when one does; not before, however often workers start.
func TestRestarts(t *testing.T) {
	t.Parallel()
	f := setup(t, time.Hour)
	id := f.place()
	for range 3 {
		f.worker(time.Now)()
	}
	if got := types(f.events(id)); got != "[OrderPlaced]" {
		t.Fatalf("came early: %s", got)
	}
	f.elapse(time.Hour)
	f.worker(time.Now)
	f.await("the deadline never passes", func() bool { return types(f.events(id)) == timedOut })
}

// elapse lets time pass for the deadlines that are stored.
func (f *fixture) elapse(d time.Duration) {
	f.t.Helper()
	if _, err := f.pool.Exec(f.t.Context(), "UPDATE tasks SET due_at = due_at - $1::interval", d); err != nil {
		f.t.Fatal(err)
	}
}

// The clock of the process may be wrong by hours, and step: it is only what events tell.
func TestClockOfTheProcess(t *testing.T) {
	t.Parallel()
	for name, wrong := range map[string]time.Duration{"ahead": 2 * time.Hour, "behind": -2 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t, time.Hour)
			id := f.place()
			clock := func() time.Time { return time.Now().Add(wrong) }
			stop := f.worker(clock)
			other := f.place() // stored while the worker runs
			f.await("the worker does not look", func() bool {
				in, some, err := f.store.NextTaskDue(t.Context(), fulfilment.DeadlineTask)
				return err == nil && some && in > 59*time.Minute
			})
			stop()
			if got := types(f.events(id)) + types(f.events(other)); got != "[OrderPlaced][OrderPlaced]" {
				t.Errorf("came early: %s", got)
			}
			f.elapse(time.Hour)
			f.worker(clock)
			f.await("the deadline never passes", func() bool { return types(f.events(id)) == timedOut })
		})
	}
}

// Answers that come while deadlines pass: one of the two wins, the other finds that it came too late.
func TestAtTheSameTime(t *testing.T) {
	t.Parallel()
	f := setup(t, time.Millisecond)
	var ids []order.ID
	for range 100 {
		ids = append(ids, f.place())
	}
	f.worker(time.Now) // passes the oldest first
	for _, id := range slices.Backward(ids) {
		f.execute(order.RequestPayment{OrderID: id, At: time.Now().UTC()})
	}
	won := map[string]int{}
	for _, id := range ids {
		events := f.events(id)
		if len(events) != 2 {
			t.Fatalf("got %s", types(events))
		}
		won[events[1].Type]++
	}
	t.Log(won)
	f.await("deadlines of answered orders stay", func() bool { return f.open() == len(ids) }) // of what they wait for now
}

// What cannot be read holds up itself alone.
func TestABadDeadline(t *testing.T) {
	t.Parallel()
	f := setup(t, time.Millisecond)
	_, err := f.pool.Exec(t.Context(), `INSERT INTO tasks (position, due_at, kind, key) VALUES (0, now() - interval '1 hour', 'deadline', 'nonsense')`)
	if err != nil {
		t.Fatal(err)
	}
	f.worker(time.Now)
	id := f.place()
	f.await("the deadline never passes", func() bool { return types(f.events(id)) == timedOut })
}
