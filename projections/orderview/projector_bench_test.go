package orderview

import (
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/projections"
	"github.com/ordo-platform/ordo/projections/projectiontest"
)

// BenchmarkProjector compares handing over events 500 at a time with handing them over row by row. Both commit once per
// 500 events, so the ratio is that of the statements alone, and both are measured in turns, in one run.
//
//	go test ./projections/orderview -run '^$' -bench Projector -benchtime 20x
func BenchmarkProjector(b *testing.B) {
	const batch = 500
	pool := setup(b)
	ways := []struct {
		name string
		size int // events handed over at once
		took time.Duration
	}{
		{name: "batched", size: batch},
		{name: "row-by-row", size: 1},
	}
	orders := 0
	for b.Loop() {
		for i := range ways {
			events := confirmedOrders(&orders, batch)
			began := time.Now()
			inTurns(b, pool, events, ways[i].size)
			ways[i].took += time.Since(began)
		}
	}
	total := float64(b.N * batch)
	for _, way := range ways {
		b.ReportMetric(total/way.took.Seconds(), way.name+"-events/s")
	}
	b.ReportMetric(ways[1].took.Seconds()/ways[0].took.Seconds(), "ratio")
	b.ReportMetric(0, "ns/op") // of both ways together: says nothing
}

// inTurns projects events in one transaction, size of them at a time.
func inTurns(b *testing.B, pool *pgxpool.Pool, events []eventstore.Recorded, size int) {
	projector := projections.NewProjector(Model)
	if err := pgx.BeginFunc(b.Context(), pool, func(tx pgx.Tx) error {
		for ; len(events) > 0; events = events[size:] {
			if err := projector.Handle(b.Context(), tx, events[:size]); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		b.Fatal(err)
	}
}

// confirmedOrders is a log of n events: orders that are new to the table, placed, then paid, then confirmed. They are
// interleaved as in a busy shop: each event of an order comes 20 orders after the one before.
func confirmedOrders(next *int, n int) []eventstore.Recorded {
	const apart = 20
	price := aggregates.Money{Amount: 1990, Currency: "EUR"}
	at := time.Date(2026, 5, 6, 12, 0, 0, 0, time.UTC)
	var log projectiontest.Log
	first := *next
	for ; ; *next++ {
		for step := range 3 {
			i := *next - step*apart
			if i < first {
				continue
			}
			id := order.ID(fmt.Sprintf("0198c7a2-0000-7000-8000-%012d", i))
			log.Append(order.Stream(id), []order.Event{
				order.Placed{
					OrderID: id, CustomerID: fmt.Sprintf("c-%d", i%100), PaymentMethod: "card", At: at.Add(time.Duration(i) * time.Millisecond),
					Lines: []order.Line{{SKU: "MUG-1", Quantity: 1, UnitPrice: price}, {SKU: "PEN-1", Quantity: 2, UnitPrice: price}},
					Total: aggregates.Money{Amount: 3 * price.Amount, Currency: "EUR"},
				},
				order.PaymentRequested{OrderID: id, Amount: price, PaymentMethod: "card", At: at},
				order.Confirmed{OrderID: id, At: at},
			}[step])
			if len(log.Events()) == n {
				*next++
				return log.Events()
			}
		}
	}
}
