package app

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/aggregates/stock"
	"github.com/ordo-platform/ordo/eventstore"
	eventpg "github.com/ordo-platform/ordo/eventstore/postgres"
	"github.com/ordo-platform/ordo/internal/command"
	"github.com/ordo-platform/ordo/internal/postgres"
	"github.com/ordo-platform/ordo/internal/testenv"
	"github.com/ordo-platform/ordo/sagas/fulfilment"
	"github.com/ordo-platform/ordo/schemas"
)

// BenchmarkHotSKU has inventory reserve stock for orders that all want the same SKU, whose stream has a history already.
// A batch is what one poll brings for a partition.
func BenchmarkHotSKU(b *testing.B) {
	for _, history := range []int{0, 10_000, 100_000} {
		for _, batch := range []int{1, 50} {
			for _, snapshots := range []bool{false, true} {
				b.Run(fmt.Sprintf("history=%d/batch=%d/snapshots=%t", history, batch, snapshots), func(b *testing.B) {
					benchmarkHotSKU(b, history, batch, snapshots)
				})
			}
		}
	}
}

func benchmarkHotSKU(b *testing.B, history, batch int, snapshots bool) {
	pool, handler := hotSKU(b, history)
	placed := 0
	next := func() {
		events := make([]eventstore.Recorded, batch)
		for i := range events {
			placed++
			events[i] = orderFor(b, "HOT", placed)
		}
		err := pgx.BeginFunc(b.Context(), pool, func(tx pgx.Tx) error { return handler.Handle(b.Context(), tx, events) })
		if err != nil {
			b.Fatal(err)
		}
	}
	if snapshots {
		keepSnapshots(b, handler)
		next()
		for history > 0 && storedSnapshot(b, pool) == 0 {
			<-time.After(time.Millisecond)
		}
	}
	for placed = 0; b.Loop(); {
		next()
	}
	b.ReportMetric(float64(placed)/b.Elapsed().Seconds(), "events/s")
}

// keepSnapshots stores the snapshots that are taken until the test ends.
func keepSnapshots(t testing.TB, handler reactorHandler) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- handler.commands.Run(ctx, slog.New(slog.DiscardHandler)) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// storedSnapshot is the version of the one snapshot there is, 0 for none.
func storedSnapshot(t testing.TB, pool *pgxpool.Pool) (version eventstore.Version) {
	t.Helper()
	if err := pool.QueryRow(context.Background(), "SELECT coalesce(max(version), 0) FROM snapshots").Scan(&version); err != nil {
		t.Fatal(err)
	}
	return version
}

func orderFor(t testing.TB, sku string, n int) eventstore.Recorded {
	price := aggregates.Money{Amount: 100, Currency: "EUR"}
	return recorded(t, eventstore.StreamID(order.Stream(order.ID(fmt.Sprint(n)))), order.Placed{
		OrderID: order.ID(fmt.Sprint(n)), CustomerID: "c", Lines: []order.Line{{SKU: sku, Quantity: 1, UnitPrice: price}}, Total: price,
		PaymentMethod: "pm_ok", At: time.Now(),
	})
}

func recorded(t testing.TB, stream eventstore.StreamID, e aggregates.Event) eventstore.Recorded {
	t.Helper()
	eventType, version, data, err := schemas.Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	return eventstore.Recorded{
		Event:  eventstore.Event{ID: eventstore.NewID(), Type: eventType, SchemaVersion: version, Data: data},
		Stream: stream, Version: 1, Position: 1,
	}
}

// hotSKU returns inventory's reactor on a log in which the SKU has a history.
func hotSKU(t testing.TB, history int) (*pgxpool.Pool, reactorHandler) {
	t.Helper()
	pool, err := postgres.Open(t.Context(), testenv.Postgres(t), maxConns)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	if err := postgres.Migrate(t.Context(), pool, "eventstore", eventpg.Migrations()); err != nil {
		t.Fatal(err)
	}
	store, err := eventpg.Open(t.Context(), pool, eventpg.Config{Partitions: Partitions, UnsafeDurability: true})
	if err != nil {
		t.Fatal(err)
	}
	handler := reactorHandler{reactor: fulfilment.Steps.For(Inventory), commands: command.New(store, nil), store: store}
	events := []aggregates.Event{stock.Received{SKU: "HOT", Quantity: stock.MaxReceived, Reference: "first", At: time.Now()}}
	for i := range history {
		events = append(events, stock.Allocated{SKU: "HOT", OrderID: fmt.Sprint("before-", i), Quantity: 1, At: time.Now()})
	}
	record(t, pool, store, "HOT", events)
	return pool, handler
}

// record appends events to the stock of a SKU.
func record(t testing.TB, pool *pgxpool.Pool, store *eventpg.Store, sku stock.SKU, events []aggregates.Event) {
	t.Helper()
	for part := range slices.Chunk(events, eventstore.MaxEventsPerAppend) {
		a := eventstore.StreamAppend{Stream: eventstore.StreamID(stock.Stream(sku)), Expected: eventstore.AnyVersion}
		for _, e := range part {
			a.Events = append(a.Events, recorded(t, a.Stream, e).Event)
		}
		err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
			_, err := store.AppendTx(t.Context(), tx, eventstore.Append{Streams: []eventstore.StreamAppend{a}})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
