package projections_test

import (
	"context"
	"maps"
	"testing"

	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/projections"
	"github.com/ordo-platform/ordo/projections/customerorders"
	"github.com/ordo-platform/ordo/projections/projectiontest"
	"github.com/ordo-platform/ordo/projections/salesdaily"
)

type sums = map[[3]string][3]int64

// However a log is cut into batches, live or in bulk, the sums are those over the rows of the plain fold.
func TestSumsAreThoseOverTheRows(t *testing.T) {
	t.Parallel()
	t.Run("salesdaily", func(t *testing.T) {
		t.Parallel()
		checkSums(t, salesdaily.Model, "SELECT day::text, sku, currency, orders, pieces, revenue FROM salesdaily_days WHERE orders > 0")
	})
	t.Run("customerorders", func(t *testing.T) {
		t.Parallel()
		checkSums(t, customerorders.Model, "SELECT customer_id, currency, '', placed, bought, amount FROM customerorders_totals")
	})
}

func checkSums[R any](t *testing.T, model projections.Model[R], query string) {
	s := subjectOf(model, "order", model.Table, model.Migrations, ordersLog, func(projections.Mark) (none R) { return none })
	pool := setup(t, s)
	rapid.Check(t, func(rt *rapid.T) {
		log := s.log(rt)
		rows, err := projectiontest.Fold(model, log)
		if err != nil {
			rt.Fatal(err)
		}
		want := sums{}
		for _, row := range rows {
			for _, share := range model.Rollup.Of(row) {
				sum := want[share.Key]
				for i, amount := range share.Amounts {
					sum[i] += amount
				}
				want[share.Key] = sum
			}
		}
		bulk := s.model.Bulk("public", projections.BulkOptions{Empty: true, Keep: 1})
		for how, apply := range map[string]func(context.Context, pgx.Tx, []eventstore.Recorded) error{
			"live": s.handler.Handle,
			"bulk": func(ctx context.Context, tx pgx.Tx, events []eventstore.Recorded) error {
				if err := bulk.Add(ctx, tx, events); err != nil {
					return err
				}
				return bulk.Flush(ctx, tx)
			},
		} {
			rolledBack(rt, pool, func(ctx context.Context, tx pgx.Tx) {
				for _, batch := range split(rt, log) {
					if err := apply(ctx, tx, batch); err != nil {
						rt.Fatal(err)
					}
				}
				found, err := tx.Query(ctx, query)
				if err != nil {
					rt.Fatal(err)
				}
				got := sums{}
				var key [3]string
				var sum [3]int64
				if _, err := pgx.ForEachRow(found, []any{&key[0], &key[1], &key[2], &sum[0], &sum[1], &sum[2]}, func() error {
					got[key] = sum
					return nil
				}); err != nil {
					rt.Fatal(err)
				}
				if !maps.Equal(got, want) {
					rt.Fatalf("%s: sums %v, want %v", how, got, want)
				}
			})
		}
	})
}
