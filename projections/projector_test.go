package projections_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"pgregory.net/rapid"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/aggregates/product"
	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/projections"
	"github.com/ordo-platform/ordo/projections/orderview"
	"github.com/ordo-platform/ordo/projections/productview"
	"github.com/ordo-platform/ordo/projections/projectiontest"
	"github.com/ordo-platform/ordo/schemas"
)

// However a log is cut into batches, the table holds the rows of the plain fold, and every row tells truly how much of
// the log is in it.
func TestAnySplitGivesTheSameRows(t *testing.T) {
	t.Parallel()
	for _, s := range subjects() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			pool := setup(t, s)
			rapid.Check(t, func(rt *rapid.T) {
				log := s.log(rt)
				want, err := s.fold(log)
				if err != nil {
					rt.Fatalf("the aggregate decided what the read model refuses: %v", err)
				}
				splits := map[string][][]eventstore.Recorded{
					"random":     split(rt, log),
					"one by one": chunks(log, 1),
				}
				for how, batches := range splits {
					rolledBack(rt, pool, func(ctx context.Context, tx pgx.Tx) {
						for _, batch := range batches {
							if err := s.handler.Handle(ctx, tx, batch); err != nil {
								rt.Fatalf("%s: %v", how, err)
							}
						}
						got, err := s.load(ctx, tx, keys(want))
						if err != nil {
							rt.Fatal(err)
						}
						if !reflect.DeepEqual(got, want) {
							rt.Fatalf("%s: rows differ from the fold:\ngot  %+v\nwant %+v", how, got, want)
						}
						checkCounters(ctx, rt, tx, s, log)
					})
				}
			})
		})
	}
}

// Folding in bulk, flushed now and then, gives the same rows as the plain fold, also when it goes on where another bulk ended.
func TestBulkGivesTheSameRows(t *testing.T) {
	t.Parallel()
	for _, s := range subjects() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			pool := setup(t, s)
			rapid.Check(t, func(rt *rapid.T) {
				log := s.log(rt)
				want, err := s.fold(log)
				if err != nil {
					rt.Fatal(err)
				}
				rolledBack(rt, pool, func(ctx context.Context, tx pgx.Tx) {
					bulk := s.model.Bulk("public", projections.BulkOptions{Empty: true, Keep: 1})
					for _, batch := range split(rt, log) {
						if rapid.Bool().Draw(rt, "restart") {
							bulk = s.model.Bulk("public", projections.BulkOptions{Keep: 1})
						}
						if err := bulk.Add(ctx, tx, batch); err != nil {
							rt.Fatal(err)
						}
						if err := bulk.Flush(ctx, tx); err != nil {
							rt.Fatal(err)
						}
					}
					got, err := s.load(ctx, tx, keys(want))
					if err != nil {
						rt.Fatal(err)
					}
					if !reflect.DeepEqual(got, want) {
						rt.Fatalf("rows differ from the fold:\ngot  %+v\nwant %+v", got, want)
					}
					checkCounters(ctx, rt, tx, s, log)
				})
			})
		})
	}
}

// What is copied and compared is the whole row: a column that a migration adds must be named.
func TestColumnsAreThoseOfTheTable(t *testing.T) {
	t.Parallel()
	for _, s := range subjects() {
		pool := setup(t, s)
		for _, table := range s.model.Tables {
			rows, _ := pool.Query(t.Context(), "SELECT attname::text FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0", table.Name)
			want, err := pgx.CollectRows(rows, pgx.RowTo[string])
			if err != nil {
				t.Fatal(err)
			}
			got := slices.Sorted(slices.Values(table.Columns))
			if slices.Sort(want); !slices.Equal(got, want) {
				t.Errorf("%s: columns %v, the table has %v", table.Name, got, want)
			}
		}
	}
}

// checkCounters compares each row's bookkeeping with the log, knowing nothing of the fold.
func checkCounters(ctx context.Context, t rapid.TB, tx pgx.Tx, s subject, log []eventstore.Recorded) {
	want := make(map[int64]projections.Mark) // by position, which no two rows share
	last := make(map[eventstore.StreamID]projections.Mark)
	for _, e := range log {
		if e.Stream.Category() == s.category {
			last[e.Stream] = projections.Mark{Version: e.Version, Position: e.Position, Applied: last[e.Stream].Applied + 1}
		}
	}
	for _, mark := range last {
		want[int64(mark.Position)] = mark
	}
	rows, _ := tx.Query(ctx, "SELECT version, position, applied FROM "+s.table)
	got := make(map[int64]projections.Mark)
	for rows.Next() {
		var m projections.Mark
		if err := rows.Scan(&m.Version, &m.Position, &m.Applied); err != nil {
			t.Fatal(err)
		}
		got[int64(m.Position)] = m
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("counters differ from the log:\ngot  %v\nwant %v", got, want)
	}
}

func TestBatchIsTwoStatements(t *testing.T) {
	t.Parallel()
	log := manyOrders(500, 4)
	pool := setup(t, subjects()[0])
	var counter statements
	config := pool.Config().ConnConfig.Copy()
	config.Tracer = &counter
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()

	// Each order's first two events first, so that the second batch updates what the first inserted.
	for _, batch := range [][]eventstore.Recorded{log[:1000], log[1000:]} {
		tx, err := conn.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		counter.n.Store(0)
		if err := projections.NewProjector(orderview.Model).Handle(t.Context(), tx, batch); err != nil {
			t.Fatal(err)
		}
		if n := counter.n.Load(); n != 2 {
			t.Errorf("%d statements for %d events, want one to load and one to save", n, len(batch))
		}
		if err := tx.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
	}

	want, err := projectiontest.Fold(orderview.Model, log)
	if err != nil {
		t.Fatal(err)
	}
	got, err := orderview.Model.Load(t.Context(), pool, keys(want))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Error("rows differ from the fold")
	}
}

// statements counts what is sent to the database.
type statements struct{ n atomic.Int64 }

func (s *statements) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	s.n.Add(1)
	return ctx
}

func (*statements) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// An event that cannot be taken leaves nothing of its batch behind: neither the rows before it nor the checkpoint.
func TestFailureRollsBackTheBatch(t *testing.T) {
	t.Parallel()
	log := manyOrders(3, 4)
	gap := slices.Concat(log[3:6], log[9:]) // versions 2, then 4
	foreign := log[3]
	foreign.Data = log[4].Data // another order's payload
	unknown := log[3]
	unknown.Type = "OrderTeleported"
	newer := log[3]
	newer.SchemaVersion = 1000
	broken := log[3]
	broken.Data = []byte(`{"order_id":`)

	for name, test := range map[string]struct {
		batch []eventstore.Recorded
		fails eventstore.Recorded
		as    any // the typed error underneath, if there is one
	}{
		"missing version":      {gap, log[9], new(*projections.OutOfOrderError)},
		"applied before":       {log[1:4], log[1], new(*projections.OutOfOrderError)},
		"twice in a batch":     {[]eventstore.Recorded{log[3], log[3]}, log[3], new(*projections.OutOfOrderError)},
		"no first event":       {[]eventstore.Recorded{log[3], rest("order-x", log[4])}, rest("order-x", log[4]), nil},
		"other row's payload":  {[]eventstore.Recorded{log[4], foreign}, foreign, nil},
		"unknown type":         {[]eventstore.Recorded{log[4], unknown}, unknown, new(*schemas.UnknownTypeError)},
		"newer schema version": {[]eventstore.Recorded{log[4], newer}, newer, new(*schemas.UnsupportedVersionError)},
		"invalid data":         {[]eventstore.Recorded{log[4], broken}, broken, new(*schemas.InvalidDataError)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool := setup(t, subjects()[0])
			projector := projections.NewProjector(orderview.Model)
			exec(t, pool, "CREATE TABLE checkpoint AS SELECT 0 AS position")
			if err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
				return projector.Handle(t.Context(), tx, log[:3])
			}); err != nil {
				t.Fatal(err)
			}

			err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
				if _, err := tx.Exec(t.Context(), "UPDATE checkpoint SET position = 1"); err != nil {
					return err
				}
				return projector.Handle(t.Context(), tx, test.batch)
			})

			var failed *projections.EventError
			if !errors.As(err, &failed) {
				t.Fatalf("got %v, want an EventError", err)
			}
			if failed.Position != test.fails.Position || failed.Stream != test.fails.Stream {
				t.Errorf("blames %s at %d, want %s at %d", failed.Stream, failed.Position, test.fails.Stream, test.fails.Position)
			}
			if test.as != nil && !errors.As(err, test.as) {
				t.Errorf("got %v, want a %T underneath", err, test.as)
			}
			want, err := projectiontest.Fold(orderview.Model, log[:3])
			if err != nil {
				t.Fatal(err)
			}
			got, err := orderview.Model.Load(t.Context(), pool, keys(want))
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("rows have changed: %+v", got)
			}
			var checkpoint int
			if err := pool.QueryRow(t.Context(), "SELECT position FROM checkpoint").Scan(&checkpoint); err != nil {
				t.Fatal(err)
			}
			if checkpoint != 0 {
				t.Error("the checkpoint has moved")
			}
		})
	}
}

// rest makes e look as if it opened the stream.
func rest(stream eventstore.StreamID, e eventstore.Recorded) eventstore.Recorded {
	e.Stream, e.Version = stream, 1
	return e
}

// An unknown event stops a model even if it might have had no interest in it.
func TestUnknownEventIsNeverSkipped(t *testing.T) {
	t.Parallel()
	for _, s := range subjects() {
		err := s.handler.Handle(t.Context(), nil, []eventstore.Recorded{{
			Event: eventstore.Event{Type: "ShopClosed", SchemaVersion: 1, Data: []byte(`{}`)}, Stream: "shop-1", Version: 1, Position: 1,
		}})
		if _, ok := errors.AsType[*schemas.UnknownTypeError](err); !ok {
			t.Errorf("%s: got %v, want an UnknownTypeError", s.name, err)
		}
	}
}

// Every event type of the platform has a meaning in each model that wants it: whoever adds one hears of it here.
func TestEveryEventTypeIsHandled(t *testing.T) {
	t.Parallel()
	wanted := make(map[string]int)
	for _, kind := range schemas.Types() {
		data, err := os.ReadFile(fmt.Sprintf("../schemas/testdata/%s/v%d.json", kind.Name, kind.Version))
		if err != nil {
			t.Fatal(err)
		}
		e := projections.Event{Recorded: eventstore.Recorded{
			Event:   eventstore.Event{Type: kind.Name, SchemaVersion: kind.Version, Data: data},
			Version: 2, Position: 2,
		}}
		if e.Payload, err = schemas.Decode(e.Event); err != nil {
			t.Fatal(err)
		}
		for _, s := range subjects() {
			ok, err := s.apply(projections.Mark{Version: 1, Position: 1, Applied: 1}, e)
			if _, unhandled := errors.AsType[*projections.UnhandledEventError](err); unhandled {
				t.Errorf("%s wants %s, but: %v", s.name, kind.Name, err)
			}
			if ok {
				wanted[s.name]++
			}
		}
	}
	for _, s := range subjects() {
		if wanted[s.name] == 0 {
			t.Errorf("%s wants no event at all", s.name)
		}
	}
}

// An event the model has no interest in needs no statement at all.
func TestForeignEventsAreIgnored(t *testing.T) {
	t.Parallel()
	var log projectiontest.Log
	log.Append("product-MUG-1", product.Listed{SKU: "MUG-1", Name: "Mug", Price: aggregates.Money{Amount: 1, Currency: "EUR"}, At: start})
	for _, s := range subjects() {
		if s.name == productview.Model.Name {
			continue
		}
		if err := s.handler.Handle(t.Context(), nil, log.Events()); err != nil { // no transaction to use
			t.Errorf("%s: %v", s.name, err)
		}
	}
}

// A projector that was asleep between its load and its save finds that another one has moved on, and keeps nothing.
func TestOvertakenProjectorKeepsNothing(t *testing.T) {
	t.Parallel()
	log := manyOrders(2, 2)
	pool := setup(t, subjects()[0])
	awake := projections.NewProjector(orderview.Model)
	project := func(events []eventstore.Recorded) error {
		return pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error { return awake.Handle(t.Context(), tx, events) })
	}
	if err := project(log[:2]); err != nil {
		t.Fatal(err)
	}

	sleepy := orderview.Model
	sleepy.Apply = func(o orderview.Order, e projections.Event) (orderview.Order, error) {
		if e.Position == log[2].Position { // the rows are loaded
			if err := project(log[2:]); err != nil {
				t.Error(err)
			}
		}
		return orderview.Apply(o, e)
	}
	err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
		return projections.NewProjector(sleepy).Handle(t.Context(), tx, log[2:])
	})
	var overtaken *projections.OvertakenError
	if !errors.As(err, &overtaken) || overtaken.Rows != 2 {
		t.Errorf("got %v, want to be overtaken on 2 rows", err)
	}
	rolledBack(t, pool, func(ctx context.Context, tx pgx.Tx) {
		checkCounters(ctx, t, tx, subjects()[0], log)
	})
}

// manyOrders is a log of n orders of up to 4 events each, all first events first, then all second ones …
func manyOrders(n, events int) []eventstore.Recorded {
	var log projectiontest.Log
	for version := range events {
		for i := range n {
			id := order.ID(fmt.Sprintf("0198c7a2-0000-7000-8000-%012d", i))
			at := start.Add(time.Duration(version) * time.Second)
			price := aggregates.Money{Amount: 1990, Currency: "EUR"}
			items := []order.Item{{SKU: "MUG-1", Quantity: 1}}
			log.Append(order.Stream(id), []order.Event{
				order.Placed{
					OrderID: id, CustomerID: "c-1", Lines: []order.Line{{SKU: "MUG-1", Quantity: 1, UnitPrice: price}}, Total: price,
					PaymentMethod: "card", At: at,
				},
				order.PaymentRequested{OrderID: id, Amount: price, PaymentMethod: "card", At: at},
				order.CompensationStarted{
					OrderID: id, Reason: order.ReasonPaymentDeclined, Undo: []order.Step{order.StepReserveStock}, Lines: items, At: at,
				},
				order.Rejected{OrderID: id, Reason: order.ReasonPaymentDeclined, At: at},
			}[version])
		}
	}
	return log.Events()
}

// split cuts a log at random places.
func split(rt *rapid.T, log []eventstore.Recorded) [][]eventstore.Recorded {
	var batches [][]eventstore.Recorded
	for len(log) > 0 {
		n := rapid.IntRange(1, len(log)).Draw(rt, "batch")
		batches, log = append(batches, log[:n]), log[n:]
	}
	return batches
}

// chunks cuts a log into batches of n.
func chunks(log []eventstore.Recorded, n int) [][]eventstore.Recorded {
	var batches [][]eventstore.Recorded
	for len(log) > 0 {
		k := min(n, len(log))
		batches, log = append(batches, log[:k]), log[k:]
	}
	return batches
}

// rolledBack runs f in a transaction that leaves nothing behind.
func rolledBack(t rapid.TB, pool *pgxpool.Pool, f func(ctx context.Context, tx pgx.Tx)) {
	ctx := context.Background()
	tx, err := pool.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(ctx) }()
	f(ctx, tx)
}

func exec(t *testing.T, pool *pgxpool.Pool, sql string) {
	t.Helper()
	if _, err := pool.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}
