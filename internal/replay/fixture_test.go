package replay_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/consumer"
	"github.com/ordo-platform/ordo/internal/generations"
	"github.com/ordo-platform/ordo/internal/kafka"
	"github.com/ordo-platform/ordo/internal/postgres"
	"github.com/ordo-platform/ordo/internal/readmodels"
	"github.com/ordo-platform/ordo/internal/replay"
	"github.com/ordo-platform/ordo/internal/testenv"
	"github.com/ordo-platform/ordo/projections"
	"github.com/ordo-platform/ordo/projections/orderview"
	"github.com/ordo-platform/ordo/projections/projectiontest"
	"github.com/ordo-platform/ordo/schemas"
)

func TestMain(m *testing.M) { testenv.Main(m) }

const partitions = 12

var start = time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)

// shop is the log of a shop's orders, in memory, as the event store would have it.
type shop struct {
	mu     sync.Mutex
	events []eventstore.Recorded
	tails  []eventstore.Position
	random *rand.Rand
	open   []*openOrder
	placed int

	// Only benchmarks have these.
	first    eventstore.Position // position before that of events[0]
	versions map[eventstore.StreamID]eventstore.Version
}

type openOrder struct {
	id      order.ID
	next    []order.Event
	version eventstore.Version
}

func newShop() *shop {
	return &shop{tails: make([]eventstore.Position, partitions), random: rand.New(rand.NewPCG(1, 2))}
}

// trade grows the log by n events of many orders at once, of every fate.
func (s *shop) trade(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range n {
		if len(s.open) < 50 || s.random.IntN(4) == 0 {
			s.open = append(s.open, s.newOrder())
		}
		i := s.random.IntN(len(s.open))
		o := s.open[i]
		o.version++
		s.append(eventstore.StreamID(order.Stream(o.id)), o.version, o.next[0])
		if o.next = o.next[1:]; len(o.next) == 0 {
			s.open[i] = s.open[len(s.open)-1]
			s.open = s.open[:len(s.open)-1]
		}
	}
}

func (s *shop) newOrder() *openOrder {
	s.placed++
	id := order.ID(fmt.Sprintf("0198c7a2-0000-7000-8000-%012d", s.placed))
	price := aggregates.Money{Amount: 100 + int64(s.placed%900), Currency: "EUR"}
	quantity := int64(1 + s.placed%3)
	total := aggregates.Money{Amount: quantity * price.Amount, Currency: "EUR"}
	at := start.Add(time.Duration(s.placed) * time.Second)
	line := order.Line{SKU: fmt.Sprintf("SKU-%d", s.placed%40), Quantity: quantity, UnitPrice: price}
	o := &openOrder{id: id, next: []order.Event{order.Placed{
		OrderID: id, CustomerID: fmt.Sprintf("c-%d", s.placed%100), PaymentMethod: "pm_ok", At: at, Total: total, Lines: []order.Line{line},
	}}}
	switch s.placed % 5 {
	case 0:
		o.next = append(o.next, order.Rejected{OrderID: id, Reason: order.ReasonOutOfStock, At: at})
	case 1:
		o.next = append(o.next,
			order.PaymentRequested{OrderID: id, Amount: total, PaymentMethod: "pm_ok", At: at},
			order.CompensationStarted{
				OrderID: id, Reason: order.ReasonPaymentDeclined, Undo: []order.Step{order.StepReserveStock}, At: at,
				Lines: []order.Item{{SKU: line.SKU, Quantity: quantity}},
			},
			order.Rejected{OrderID: id, Reason: order.ReasonPaymentDeclined, At: at})
	default:
		o.next = append(o.next,
			order.PaymentRequested{OrderID: id, Amount: total, PaymentMethod: "pm_ok", At: at}, order.Confirmed{OrderID: id, At: at})
	}
	return o
}

func (s *shop) append(stream eventstore.StreamID, version eventstore.Version, payload aggregates.Event) {
	eventType, schemaVersion, data, err := schemas.Encode(payload)
	if err != nil {
		panic(err)
	}
	partition := eventstore.PartitionOf(stream.Key(), partitions)
	e := eventstore.Recorded{
		Event: eventstore.Event{
			ID: eventstore.DeriveID([16]byte{}, string(stream), int(version)), Type: eventType, SchemaVersion: schemaVersion, Data: data,
		},
		Stream: stream, Version: version, Position: s.first + eventstore.Position(len(s.events)+1), RecordedAt: start,
		Partition: partition, Prev: s.tails[partition],
	}
	s.tails[partition] = e.Position
	s.events = append(s.events, e)
}

// ReadLog implements [replay.Log].
func (s *shop) ReadLog(ctx context.Context, after eventstore.Position, limit int) ([]eventstore.Recorded, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	end := min(int(after)+limit, len(s.events))
	return s.events[min(int(after), end):end], ctx.Err()
}

// Tails implements [replay.Log].
func (s *shop) Tails(context.Context) (eventstore.Position, []eventstore.Position, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return eventstore.Position(len(s.events)), append([]eventstore.Position(nil), s.tails...), nil
}

// fixture is a database with a read model in it.
type fixture struct {
	t    testing.TB
	shop *shop
	pool *pgxpool.Pool

	load atomic.Int64 // events that come in with each round of a program
}

// kept is the order view as views keeps it, with a fold of some version.
func kept(version int, fold func(orderview.Order, projections.Event) (orderview.Order, error)) readmodels.Kept {
	model := orderview.Model
	model.Version, model.Apply = version, fold
	return readmodels.Kept{ReadModel: model.ReadModel(), Service: "views", Source: "orders"}
}

func current() readmodels.Kept { return kept(1, orderview.Apply) }

func setup(t testing.TB) *fixture {
	t.Helper()
	pool, err := postgres.Open(t.Context(), testenv.Postgres(t), 12)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	if err := postgres.Migrate(t.Context(), pool, "consumer", consumer.Migrations()); err != nil {
		t.Fatal(err)
	}
	if err := generations.Prepare(t.Context(), pool, current().ReadModel); err != nil {
		t.Fatal(err)
	}
	return &fixture{t: t, shop: newShop(), pool: pool}
}

func (f *fixture) config(model readmodels.Kept) replay.Config {
	return replay.Config{Model: model, Pool: f.pool, Log: f.shop, Holder: "test", Chunk: 1000, Lease: 2 * time.Second}
}

func (f *fixture) replay(model readmodels.Kept, o replay.Options) (replay.Result, error) {
	f.t.Helper()
	r, err := replay.New(f.config(model))
	if err != nil {
		f.t.Fatal(err)
	}
	return r.Run(f.t.Context(), o)
}

// follow feeds the generations that a program with this model would feed, once, up to the end of the log.
func (f *fixture) follow(ctx context.Context, model readmodels.Kept) error {
	numbers, err := generations.New(f.pool).Feed(ctx, model.Name, model.Version)
	if err != nil {
		return err
	}
	for _, number := range numbers {
		g := generations.Generation{Model: model.Name, Number: number}
		if err := f.feed(ctx, model.Projector(g.Schema()), g.Consumer(model.Consumer())); err != nil {
			return err
		}
	}
	return nil
}

// feed does what a consumer does with each partition: new events and their checkpoint in one transaction.
func (f *fixture) feed(ctx context.Context, handler projections.Handler, name string) error {
	topic := kafka.EventsTopic("orders")
	applied, err := consumer.Applied(ctx, f.pool, name, topic)
	if err != nil {
		return err
	}
	f.shop.mu.Lock()
	events := f.shop.events
	f.shop.mu.Unlock()
	for partition := range int32(partitions) {
		var news []eventstore.Recorded
		for _, e := range events {
			if e.Partition == partition && e.Position > applied[partition] {
				news = append(news, e)
			}
		}
		if len(news) == 0 {
			continue
		}
		err := pgx.BeginFunc(ctx, f.pool, func(tx pgx.Tx) error {
			to := map[int32]eventstore.Position{partition: news[len(news)-1].Position}
			if err := consumer.Advance(ctx, tx, name, topic, to); err != nil {
				return err
			}
			return handler.Handle(ctx, tx, news)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// run follows again and again, as a program does, until the test says stop. What it has begun it ends: a commit that is given up
// may still happen, after the test has looked.
func (f *fixture) run(models ...readmodels.Kept) (stop func()) {
	f.t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(f.t.Context()))
	var programs sync.WaitGroup
	for _, model := range models {
		programs.Go(func() {
			for ctx.Err() == nil {
				f.shop.trade(int(f.load.Load()))
				if err := f.follow(context.WithoutCancel(ctx), model); err != nil {
					f.t.Errorf("program with fold %d: %v", model.Version, err)
					return
				}
				select {
				case <-ctx.Done():
				case <-time.After(5 * time.Millisecond):
				}
			}
		})
	}
	var once sync.Once
	stop = func() { once.Do(func() { cancel(); programs.Wait() }) }
	f.t.Cleanup(stop)
	return stop
}

// live returns the rows that queries see.
func (f *fixture) live() map[string]orderview.Order {
	f.t.Helper()
	rows, err := f.pool.Query(f.t.Context(), "SELECT id FROM orderview_orders")
	if err != nil {
		f.t.Fatal(err)
	}
	keys, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		f.t.Fatal(err)
	}
	found, err := orderview.Model.Load(f.t.Context(), f.pool, keys)
	if err != nil {
		f.t.Fatal(err)
	}
	return found
}

// folded is what the rows have to be, by the plainest fold there is.
func (f *fixture) folded(fold func(orderview.Order, projections.Event) (orderview.Order, error)) map[string]orderview.Order {
	f.t.Helper()
	model := orderview.Model
	model.Apply = fold
	rows, err := projectiontest.Fold(model, f.shop.events)
	if err != nil {
		f.t.Fatal(err)
	}
	return rows
}

func (f *fixture) number() int {
	f.t.Helper()
	number, err := generations.New(f.pool).LiveNumber(f.t.Context(), orderview.Model.Name)
	if err != nil {
		f.t.Fatal(err)
	}
	return number
}

// await waits until something is so; it gives up long after it should have been.
func (f *fixture) await(so func() bool) {
	f.t.Helper()
	for range 3000 {
		if so() {
			return
		}
		<-time.After(10 * time.Millisecond)
	}
	f.t.Fatal("never happened")
}

// caughtUp says whether a generation has the whole log.
func (f *fixture) caughtUp(model readmodels.Kept, number int) bool {
	f.t.Helper()
	g := generations.Generation{Model: model.Name, Number: number}
	applied, err := consumer.Applied(f.t.Context(), f.pool, g.Consumer(model.Consumer()), kafka.EventsTopic("orders"))
	if err != nil {
		f.t.Fatal(err)
	}
	_, tails, err := f.shop.Tails(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	for partition, tail := range tails {
		if tail-applied[int32(partition)] > 100 {
			return false
		}
	}
	return true
}
