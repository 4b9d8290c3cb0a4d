package productview_test

import (
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/product"
	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/projections"
	"github.com/ordo-platform/ordo/projections/productview"
	"github.com/ordo-platform/ordo/projections/projectiontest"
)

const mug product.SKU = "MUG-1"

var at = time.Date(2026, 5, 6, 12, 0, 0, 0, time.UTC)

func euros(cents int64) aggregates.Money { return aggregates.Money{Amount: cents, Currency: "EUR"} }

func TestFold(t *testing.T) {
	t.Parallel()
	var log projectiontest.Log
	for i, step := range []struct {
		event  product.Event
		name   string
		price  aggregates.Money
		status product.Status
	}{
		{product.Listed{SKU: mug, Name: "Mug", Price: euros(1990), At: at}, "Mug", euros(1990), product.StatusListed},
		{product.Renamed{SKU: mug, Name: "Blue mug", At: at}, "Blue mug", euros(1990), product.StatusListed},
		{product.Repriced{SKU: mug, Price: euros(990), At: at}, "Blue mug", euros(990), product.StatusListed},
		{product.Discontinued{SKU: mug, At: at}, "Blue mug", euros(990), product.StatusDiscontinued},
		{product.Listed{SKU: mug, Name: "Mug", Price: euros(5), At: at}, "Mug", euros(5), product.StatusListed},
	} {
		log.Append(product.Stream(mug), step.event)
		rows, err := projectiontest.Fold(productview.Model, log.Events())
		if err != nil {
			t.Fatal(err)
		}
		n := int64(i + 1)
		want := productview.Product{
			SKU: mug, Name: step.name, Price: step.price, Status: step.status,
			Mark: projections.Mark{Version: eventstore.Version(n), Position: eventstore.Position(n), Applied: n},
		}
		if got := rows[string(mug)]; got != want {
			t.Errorf("after %+v: got %+v, want %+v", step.event, got, want)
		}
	}
}

func TestFoldRefusesProductThatWasNeverListed(t *testing.T) {
	t.Parallel()
	for _, payload := range []product.Event{
		product.Renamed{SKU: mug, Name: "Mug"}, product.Repriced{SKU: mug, Price: euros(1)}, product.Discontinued{SKU: mug},
	} {
		_, err := productview.Apply(productview.Product{}, projections.Event{
			Recorded: eventstore.Recorded{Version: 1, Position: 1}, Payload: payload,
		})
		if err == nil {
			t.Errorf("%T is accepted as a first event", payload)
		}
	}
}

func TestQueries(t *testing.T) {
	t.Parallel()
	pool := projectiontest.Database(t, productview.Model.Name, productview.Migrations())
	queries := productview.NewQueries(pool)
	var log projectiontest.Log
	all := []product.SKU{"A", "B", "C", "D", "E", "a"} // in the order of bytes, as the list is
	listed := []product.SKU{"A", "C", "E", "a"}
	for _, sku := range slices.Backward(all) {
		log.Append(product.Stream(sku), product.Listed{SKU: sku, Name: "Thing", Price: euros(1990), At: at})
		if !slices.Contains(listed, sku) {
			log.Append(product.Stream(sku), product.Discontinued{SKU: sku, At: at})
		}
	}
	projectiontest.Project(t, pool, productview.Model, log.Events()...)

	got, err := queries.Get(t.Context(), "B")
	if err != nil || got.Status != product.StatusDiscontinued || got.Price != euros(1990) || got.Version != 2 {
		t.Errorf("got %+v, %v", got, err)
	}
	var notFound *projections.NotFoundError
	if _, err := queries.Get(t.Context(), "Z"); !errors.As(err, &notFound) {
		t.Errorf("got %v, want a NotFoundError", err)
	}

	some, err := queries.GetMany(t.Context(), []product.SKU{"a", "Z", "B", "B"})
	if err != nil {
		t.Fatal(err)
	}
	if skus := slices.Sorted(maps.Keys(some)); !slices.Equal(skus, []product.SKU{"B", "a"}) || some["B"] != got {
		t.Errorf("got %+v", some)
	}
	if none, err := queries.GetMany(t.Context(), nil); err != nil || len(none) != 0 {
		t.Errorf("got %v, %v for no SKUs", none, err)
	}

	for _, test := range []struct {
		filter productview.Filter
		want   []product.SKU
	}{
		{productview.Filter{}, listed},
		{productview.Filter{IncludeDiscontinued: true}, all},
	} {
		for limit := range 8 {
			var skus []product.SKU
			for after, more := product.SKU(""), true; more; more = after != "" {
				page, err := queries.List(t.Context(), test.filter, limit, after)
				if err != nil {
					t.Fatal(err)
				}
				for _, p := range page.Products {
					skus = append(skus, p.SKU)
				}
				after = page.Next
			}
			if !slices.Equal(skus, test.want) {
				t.Errorf("%+v in pages of %d: %v", test.filter, limit, skus)
			}
		}
	}
}
