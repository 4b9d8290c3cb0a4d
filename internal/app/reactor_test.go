package app

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/aggregates/reservation"
	"github.com/ordo-platform/ordo/aggregates/stock"
	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/command"
	"github.com/ordo-platform/ordo/internal/postgres"
)

// Orders of different partitions want the same SKU. Their batches take turns: the second decides on what the first has
// left, instead of finding out at the end that all was in vain.
func TestBatchesForTheSameSKUTakeTurns(t *testing.T) {
	t.Parallel()
	pool, handler := hotSKU(t, 0)
	first, err := handled(t, pool, handler, orderFor(t, "HOT", 1))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = first.Rollback(t.Context()) }()
	second := make(chan error, 1)
	go func() {
		second <- apply(t, pool, handler, orderFor(t, "HOT", 2))
	}()
	for waits := false; !waits; <-time.After(5 * time.Millisecond) {
		err := pool.QueryRow(t.Context(), "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid()").Scan(&waits)
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := first.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-second; err != nil {
		t.Errorf("the second batch failed: %v", err)
	}
	out, err := command.Load(t.Context(), handler.store, stock.Decider, eventstore.StreamID(stock.Stream("HOT")))
	if err != nil || out.State.Reserved != 2 {
		t.Errorf("%d reserved (%v), want 2", out.State.Reserved, err)
	}
}

// A process that stands still in the middle of a batch holds up no other append: the head of the log is not locked yet.
func TestABatchInHandHoldsUpNobody(t *testing.T) {
	t.Parallel()
	pool, handler := hotSKU(t, 0)
	tx, err := handled(t, pool, handler, orderFor(t, "HOT", 1))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(t.Context()) }()
	received := stock.Received{SKU: "COLD", Quantity: 1, Reference: "first", At: time.Now()}
	record(t, pool, handler.store, received.SKU, []aggregates.Event{received})
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	out, err := command.Load(t.Context(), handler.store, stock.Decider, eventstore.StreamID(stock.Stream("HOT")))
	if err != nil || out.State.Reserved != 1 {
		t.Errorf("%d reserved (%v), want 1", out.State.Reserved, err)
	}
}

// However batches overlap, none fails and none waits for ever.
func TestOverlappingBatchesDoNotDeadlock(t *testing.T) {
	t.Parallel()
	pool, handler := hotSKU(t, 0)
	skus := []string{"HOT", "A", "B", "C", "D", "E", "F", "G"}
	for _, sku := range skus[1:] {
		received := stock.Received{SKU: stock.SKU(sku), Quantity: 1000, Reference: "first", At: time.Now()}
		record(t, pool, handler.store, received.SKU, []aggregates.Event{received})
	}
	var partitions errgroup.Group
	for p := range 4 {
		partitions.Go(func() error {
			for n := range 20 {
				placed := order.Placed{OrderID: order.ID(string(rune('a'+p)) + string(rune('a'+n))), CustomerID: "c", PaymentMethod: "pm_ok", At: time.Now()}
				placed.Total.Currency = "EUR"
				for _, i := range rand.Perm(len(skus))[:4] {
					placed.Lines = append(placed.Lines, order.Line{SKU: skus[i], Quantity: 1, UnitPrice: aggregates.Money{Currency: "EUR"}})
				}
				event := recorded(t, eventstore.StreamID(order.Stream(placed.OrderID)), placed)
				if err := apply(t, pool, handler, event); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := partitions.Wait(); err != nil {
		t.Error(err)
	}
}

// 200 orders at once, each for one piece of what there are 50 of and one of what there is plenty: exactly 50 get both, all
// others neither.
func TestTheLastPiecesAreSoldOnce(t *testing.T) {
	t.Parallel()
	pool, handler := hotSKU(t, 0)
	const pieces, buyers = 50, 200
	scarce := stock.Received{SKU: "SCARCE", Quantity: pieces, Reference: "first", At: time.Now()}
	record(t, pool, handler.store, scarce.SKU, []aggregates.Event{scarce})
	var orders errgroup.Group
	for n := range buyers {
		orders.Go(func() error {
			placed := order.Placed{OrderID: order.ID(fmt.Sprint(n)), CustomerID: "c", PaymentMethod: "pm_ok", At: time.Now()}
			placed.Total.Currency = "EUR"
			for _, sku := range []string{"HOT", "SCARCE"} {
				placed.Lines = append(placed.Lines, order.Line{SKU: sku, Quantity: 1, UnitPrice: aggregates.Money{Currency: "EUR"}})
			}
			event := recorded(t, eventstore.StreamID(order.Stream(placed.OrderID)), placed)
			return pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error { return handler.Handle(t.Context(), tx, []eventstore.Recorded{event}) })
		})
	}
	if err := orders.Wait(); err != nil {
		t.Fatal(err)
	}
	for _, sku := range []stock.SKU{"HOT", "SCARCE"} {
		out, err := command.Load(t.Context(), handler.store, stock.Decider, eventstore.StreamID(stock.Stream(sku)))
		if err != nil || out.State.Reserved != pieces {
			t.Errorf("%s: %d reserved (%v), want %d", sku, out.State.Reserved, err, pieces)
		}
	}
	answers := map[reservation.Status]int{}
	for n := range buyers {
		out, err := command.Load(t.Context(), handler.store, reservation.Decider, eventstore.StreamID(reservation.Stream(fmt.Sprint(n))))
		if err != nil {
			t.Fatal(err)
		}
		answers[out.State.Status]++
	}
	if answers[reservation.StatusReserved] != pieces || answers[reservation.StatusRefused] != buyers-pieces {
		t.Errorf("answers %v", answers)
	}
}

// apply has an event handled as the consumer runtime does.
func apply(t *testing.T, pool *pgxpool.Pool, handler reactorHandler, e eventstore.Recorded) error {
	tx, err := handled(t, pool, handler, e)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(t.Context()) }()
	return tx.Commit(t.Context())
}

// handled has an event handled and does not commit.
func handled(t *testing.T, pool *pgxpool.Pool, handler reactorHandler, e eventstore.Recorded) (*postgres.Tx, error) {
	tx, err := postgres.Begin(t.Context(), pool, func(*pgx.Batch) {})
	if err != nil {
		return nil, err
	}
	if err := handler.Handle(t.Context(), tx, []eventstore.Recorded{e}); err != nil {
		_ = tx.Rollback(t.Context())
		return nil, err
	}
	return tx, nil
}
