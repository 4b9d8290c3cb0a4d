package orderview

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
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

var noon = time.Date(2026, 5, 6, 12, 0, 0, 0, time.UTC)

func setup(t testing.TB) *pgxpool.Pool {
	t.Helper()
	return projectiontest.Database(t, Model.Name, Migrations())
}

func project(t testing.TB, pool *pgxpool.Pool, events ...eventstore.Recorded) {
	t.Helper()
	projectiontest.Project(t, pool, Model, events...)
}

func placedBy(customer string, n int, at time.Time) order.Placed {
	price := aggregates.Money{Amount: 1990, Currency: "EUR"}
	return order.Placed{
		OrderID: order.ID(fmt.Sprintf("0198c7a2-0000-7000-8000-%012d", n)), CustomerID: customer, PaymentMethod: "card", At: at,
		Lines: []order.Line{{SKU: "MUG-1", Quantity: 1, UnitPrice: price}}, Total: price,
	}
}

func TestGet(t *testing.T) {
	t.Parallel()
	pool := setup(t)
	queries := NewQueries(pool)
	var log projectiontest.Log
	placed := placedBy("c-1", 1, noon)
	stream := order.Stream(placed.OrderID)
	log.Append(stream, placed)
	log.Append(stream, order.Rejected{
		OrderID: placed.OrderID, Reason: order.ReasonOutOfStock, At: noon.Add(1500 * time.Nanosecond),
		Shortages: []order.Shortage{{SKU: "MUG-1", Requested: 1, Available: 0}},
	})
	project(t, pool, log.Events()...)

	want, err := projectiontest.Fold(Model, log.Events())
	if err != nil {
		t.Fatal(err)
	}
	got, err := queries.Get(t.Context(), placed.OrderID)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want[string(placed.OrderID)]) {
		t.Errorf("got  %+v\nwant %+v", got, want[string(placed.OrderID)])
	}
	if len(got.History) != 2 || got.History[0].Type != "OrderPlaced" || got.History[1].EventID != log.Events()[1].ID {
		t.Errorf("history is not that of the stream: %+v", got.History)
	}

	_, err = queries.Get(t.Context(), "nobody's")
	var notFound *projections.NotFoundError
	if !errors.As(err, &notFound) || notFound.Key != "nobody's" {
		t.Errorf("got %v, want a NotFoundError", err)
	}
}

func TestListPagesThroughEveryOrderOnce(t *testing.T) {
	t.Parallel()
	pool := setup(t)
	queries := NewQueries(pool)
	var log projectiontest.Log
	for n := range 60 {
		// Three orders share each moment, so the id has to break ties, also across pages.
		placed := placedBy(fmt.Sprintf("c-%d", n%4), n, noon.Add(time.Duration(n/3)*time.Microsecond))
		log.Append(order.Stream(placed.OrderID), placed)
		if n%5 == 0 {
			log.Append(order.Stream(placed.OrderID), order.Rejected{OrderID: placed.OrderID, Reason: order.ReasonOutOfStock, At: noon})
		}
	}
	project(t, pool, log.Events()...)
	rows, err := projectiontest.Fold(Model, log.Events())
	if err != nil {
		t.Fatal(err)
	}

	for _, filter := range []Filter{
		{},
		{Status: order.StatusRejected},
		{CustomerID: "c-2"},
		{Status: order.StatusPlaced, CustomerID: "c-3"},
		{Status: order.StatusConfirmed},
	} {
		var want []order.ID
		for _, o := range newestFirst(rows) {
			if (filter.Status == "" || o.Status == filter.Status) && (filter.CustomerID == "" || o.CustomerID == filter.CustomerID) {
				want = append(want, o.ID)
			}
		}
		for _, limit := range []int{1, 7, len(want), 100} {
			var got []order.ID
			var cursor *Cursor
			for {
				page, err := queries.List(t.Context(), filter, limit, cursor)
				if err != nil {
					t.Fatal(err)
				}
				for _, o := range page.Orders {
					got = append(got, o.ID)
					if o.History != nil {
						t.Error("a list loads histories")
					}
				}
				if len(page.Orders) > max(limit, 1) {
					t.Errorf("%d orders on a page of %d", len(page.Orders), limit)
				}
				if cursor = page.Next; cursor == nil {
					break
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%+v in pages of %d:\ngot  %v\nwant %v", filter, limit, got, want)
			}
		}
	}
}

func newestFirst(rows map[string]Order) []Order {
	var orders []Order
	for _, o := range rows {
		orders = append(orders, o)
	}
	slices.SortFunc(orders, func(a, b Order) int {
		return cmp.Or(b.PlacedAt.Compare(a.PlacedAt), cmp.Compare(b.ID, a.ID))
	})
	return orders
}

// An order that comes in while someone pages through is not on a later page, and moves no other order there or away.
func TestListIsSteadyWhileOrdersComeIn(t *testing.T) {
	t.Parallel()
	pool := setup(t)
	queries := NewQueries(pool)
	var log projectiontest.Log
	place := func(n int) order.ID {
		placed := placedBy("c-1", n, noon.Add(time.Duration(n)*time.Second))
		project(t, pool, log.Append(order.Stream(placed.OrderID), placed))
		return placed.OrderID
	}
	ids := []order.ID{place(0), place(1), place(2), place(3)}

	first, err := queries.List(t.Context(), Filter{}, 2, nil)
	if err != nil {
		t.Fatal(err)
	}
	place(4)
	second, err := queries.List(t.Context(), Filter{}, 2, first.Next)
	if err != nil {
		t.Fatal(err)
	}
	var got []order.ID
	for _, o := range append(first.Orders, second.Orders...) {
		got = append(got, o.ID)
	}
	if slices.Reverse(ids); !slices.Equal(got, ids) || second.Next != nil {
		t.Errorf("got %v and then %v, want %v", got, second.Next, ids)
	}
}

// Every way of listing walks an index in order and stops at the limit, when there is more than a page to be had: nothing
// is sorted, no table is read whole.
func TestListNeedsNoSort(t *testing.T) {
	t.Parallel()
	pool := setup(t)
	if _, err := pool.Exec(t.Context(), `
		INSERT INTO orderview_orders
		SELECT lpad(n::text, 12, '0'), 'c-' || n % 10, CASE WHEN n % 50 = 0 THEN 'rejected' ELSE 'confirmed' END, '[]',
		       1, 'EUR', 'card', '', NULL, 'epoch'::timestamptz + n * interval '1s', 'epoch', '[{}]', 1, n, 1
		FROM generate_series(1, 20000) AS n`); err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Exec(t.Context(), "ANALYZE orderview_orders"); err != nil {
		t.Fatal(err)
	}
	for _, filter := range []Filter{
		{}, {Status: order.StatusRejected}, {CustomerID: "c-7"}, {Status: order.StatusConfirmed, CustomerID: "c-7"},
	} {
		for _, after := range []*Cursor{nil, {PlacedAt: time.Unix(10000, 0), ID: "x"}} {
			rows, _ := pool.Query(t.Context(), "EXPLAIN "+listSQL, listArgs(filter, 50, after)...)
			lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
			if err != nil {
				t.Fatal(err)
			}
			plan := strings.Join(lines, "\n")
			if strings.Contains(plan, "Sort") || strings.Contains(plan, "Seq Scan") {
				t.Errorf("%+v after %v:\n%s", filter, after, plan)
			}
		}
	}
}
