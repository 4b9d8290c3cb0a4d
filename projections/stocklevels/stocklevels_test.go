package stocklevels_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ordo-platform/ordo/aggregates/stock"
	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/projections"
	"github.com/ordo-platform/ordo/projections/projectiontest"
	"github.com/ordo-platform/ordo/projections/stocklevels"
)

const mug stock.SKU = "MUG-1"

var at = time.Date(2026, 5, 6, 12, 0, 0, 0, time.UTC)

func TestFold(t *testing.T) {
	t.Parallel()
	var log projectiontest.Log
	for i, step := range []struct {
		event                              stock.Event
		onHand, reserved, available, short int64
	}{
		{stock.Received{SKU: mug, Quantity: 10, Reference: "d-1", At: at}, 10, 0, 10, 0},
		{stock.Allocated{SKU: mug, OrderID: "o-1", Quantity: 4, At: at}, 10, 4, 6, 0},
		{stock.Adjusted{SKU: mug, Delta: -6, Reason: "broken", At: at}, 4, 4, 0, 0},
		{stock.Adjusted{SKU: mug, Delta: -3, Reason: "broken", At: at}, 1, 4, 0, 3},
		{stock.ShortageRecorded{SKU: mug, Missing: 3, Reason: "broken", At: at}, 1, 4, 0, 3},
		{stock.Deallocated{SKU: mug, OrderID: "o-1", Quantity: 4, At: at}, 1, 0, 1, 0},
		{stock.Adjusted{SKU: mug, Delta: 3, Reason: "found", At: at}, 4, 0, 4, 0},
	} {
		log.Append(stock.Stream(mug), step.event)
		rows, err := projectiontest.Fold(stocklevels.Model, log.Events())
		if err != nil {
			t.Fatal(err)
		}
		n := int64(i + 1)
		want := stocklevels.Level{
			SKU: mug, OnHand: step.onHand, Reserved: step.reserved,
			Mark: projections.Mark{Version: eventstore.Version(n), Position: eventstore.Position(n), Applied: n},
		}
		if got := rows[string(mug)]; got != want || got.Available() != step.available || got.Short() != step.short {
			t.Errorf("after %+v: got %+v, want %+v", step.event, got, want)
		}
	}
}

func TestFoldRefusesImpossibleCounts(t *testing.T) {
	t.Parallel()
	level := stocklevels.Level{SKU: mug, OnHand: 10, Reserved: 4, Mark: projections.Mark{Version: 7, Position: 7, Applied: 7}}
	for _, payload := range []stock.Event{
		stock.Allocated{SKU: mug, Quantity: 7},
		stock.Deallocated{SKU: mug, Quantity: 5},
		stock.Adjusted{SKU: mug, Delta: -11},
		stock.Adjusted{SKU: mug, Delta: math.MinInt64},
		stock.Received{SKU: mug, Quantity: math.MaxInt64 - 9},
		stock.Allocated{SKU: mug, Quantity: math.MaxInt64},
	} {
		row, err := stocklevels.Apply(level, projections.Event{
			Recorded: eventstore.Recorded{Version: 8, Position: 8}, Payload: payload,
		})
		if err == nil {
			t.Errorf("%+v on top of %+v is accepted: %+v", payload, level, row)
		}
	}
}

// The table holds the promise of the counts on its own, whatever a fold does.
func TestTableRefusesImpossibleCounts(t *testing.T) {
	t.Parallel()
	pool := setup(t)
	var log projectiontest.Log
	log.Append(stock.Stream(mug), stock.Received{SKU: mug, Quantity: 10, Reference: "d-1", At: at})
	for _, counts := range [][2]int64{{10, -1}, {-1, -1}, {-1, 0}} {
		careless := stocklevels.Model
		careless.Apply = func(l stocklevels.Level, e projections.Event) (stocklevels.Level, error) {
			l, err := stocklevels.Apply(l, e)
			l.OnHand, l.Reserved = counts[0], counts[1]
			return l, err
		}
		err := project(t, pool, careless, log.Events()...)
		var refused *pgconn.PgError
		if !errors.As(err, &refused) || refused.ConstraintName != "stocklevels_levels_counts_check" {
			t.Errorf("%v: got %v, want the table to refuse", counts, err)
		}
	}
}

func TestQueries(t *testing.T) {
	t.Parallel()
	pool := setup(t)
	queries := stocklevels.NewQueries(pool)
	var log projectiontest.Log
	var skus []stock.SKU
	for n := range 10 {
		sku := stock.SKU(fmt.Sprintf("MUG-%d", n))
		skus = append(skus, sku)
		log.Append(stock.Stream(sku), stock.Received{SKU: sku, Quantity: int64(n) + 5, Reference: "d-1", At: at})
		log.Append(stock.Stream(sku), stock.Allocated{SKU: sku, OrderID: "o-1", Quantity: 5, At: at})
	}
	if err := project(t, pool, stocklevels.Model, log.Events()...); err != nil {
		t.Fatal(err)
	}

	got, err := queries.Get(t.Context(), "MUG-3")
	if err != nil || got.OnHand != 8 || got.Reserved != 5 || got.Available() != 3 || got.Version != 2 {
		t.Errorf("got %+v, %v", got, err)
	}
	var notFound *projections.NotFoundError
	if _, err := queries.Get(t.Context(), "mug-3"); !errors.As(err, &notFound) {
		t.Errorf("got %v, want a NotFoundError", err)
	}
	for _, limit := range []int{0, 1, 3, 10, 11} {
		var listed []stock.SKU
		for after, more := stock.SKU(""), true; more; more = after != "" {
			page, err := queries.List(t.Context(), limit, after)
			if err != nil {
				t.Fatal(err)
			}
			for _, level := range page.Levels {
				listed = append(listed, level.SKU)
			}
			after = page.Next
		}
		if !slices.Equal(listed, skus) {
			t.Errorf("in pages of %d: %v", limit, listed)
		}
	}
}

func setup(t *testing.T) *pgxpool.Pool {
	t.Helper()
	return projectiontest.Database(t, stocklevels.Model.Name, stocklevels.Migrations())
}

func project(
	t *testing.T, pool *pgxpool.Pool, model projections.Model[stocklevels.Level], events ...eventstore.Recorded,
) error {
	t.Helper()
	return pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
		return projections.NewProjector(model).Handle(t.Context(), tx, events)
	})
}
