package customerorders_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/projections"
	"github.com/ordo-platform/ordo/projections/customerorders"
	"github.com/ordo-platform/ordo/projections/projectiontest"
)

func TestGet(t *testing.T) {
	t.Parallel()
	pool := projectiontest.Database(t, customerorders.Model.Name, customerorders.Migrations())
	at := time.Date(2026, 5, 6, 12, 0, 0, 0, time.UTC)
	var log projectiontest.Log
	for i, customer := range []string{"ada", "ada", "bob", "ada"} {
		id := order.ID(fmt.Sprint("order-", i))
		total := aggregates.Money{Amount: int64(100 * (i + 1)), Currency: []string{"EUR", "USD", "EUR", "EUR"}[i]}
		log.Append(order.Stream(id), order.Placed{
			OrderID: id, CustomerID: customer, Lines: []order.Line{{SKU: "MUG", Quantity: 1, UnitPrice: total}}, Total: total, PaymentMethod: "pm_ok",
			At: at.Add(time.Duration(i) * time.Hour),
		})
		if i < 3 {
			log.Append(order.Stream(id), order.Confirmed{OrderID: id, At: at})
		}
	}
	projectiontest.Project(t, pool, customerorders.Model, log.Events()...)
	queries := customerorders.NewQueries(pool)
	got, err := queries.Get(t.Context(), "ada", 2)
	if err != nil {
		t.Fatal(err)
	}
	want := []customerorders.Totals{{Currency: "EUR", Placed: 2, Bought: 1, Amount: 100}, {Currency: "USD", Placed: 1, Bought: 1, Amount: 200}}
	if fmt.Sprint(got.Totals) != fmt.Sprint(want) {
		t.Errorf("totals are %v, want %v", got.Totals, want)
	}
	if len(got.Last) != 2 || got.Last[0].ID != "order-3" || got.Last[0].Bought || got.Last[1].ID != "order-1" || !got.Last[1].Bought {
		t.Errorf("last orders are %+v", got.Last)
	}
	var missing *projections.NotFoundError
	if _, err := queries.Get(t.Context(), "carol", 2); !errors.As(err, &missing) {
		t.Errorf("got %v", err)
	}
}
