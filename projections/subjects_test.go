package projections_test

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"pgregory.net/rapid"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/customer"
	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/aggregates/product"
	"github.com/ordo-platform/ordo/aggregates/reservation"
	"github.com/ordo-platform/ordo/aggregates/stock"
	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/postgres"
	"github.com/ordo-platform/ordo/internal/testenv"
	"github.com/ordo-platform/ordo/projections"
	"github.com/ordo-platform/ordo/projections/customerorders"
	"github.com/ordo-platform/ordo/projections/customerview"
	"github.com/ordo-platform/ordo/projections/orderview"
	"github.com/ordo-platform/ordo/projections/productview"
	"github.com/ordo-platform/ordo/projections/projectiontest"
	"github.com/ordo-platform/ordo/projections/salesdaily"
	"github.com/ordo-platform/ordo/projections/stocklevels"
)

// subject is a read model under test, whatever its row is.
type subject struct {
	name     string
	category string // of the streams its rows are folded from
	table    string
	mig      fs.FS
	model    projections.ReadModel
	handler  handler
	fold     func([]eventstore.Recorded) (map[string]any, error)
	load     func(ctx context.Context, tx pgx.Tx, keys []string) (map[string]any, error)
	apply    func(projections.Mark, projections.Event) (wanted bool, err error) // to a row that has come to the mark
	log      func(*rapid.T) []eventstore.Recorded                               // a random log of its service, as the aggregates decided it
}

type handler interface {
	Handle(ctx context.Context, tx pgx.Tx, events []eventstore.Recorded) error
}

func subjects() []subject {
	return []subject{
		subjectOf(orderview.Model, "order", "orderview_orders", orderview.Migrations(), ordersLog,
			func(m projections.Mark) orderview.Order { return orderview.Order{Mark: m} }),
		subjectOf(stocklevels.Model, "stock", "stocklevels_levels", stocklevels.Migrations(), inventoryLog,
			func(m projections.Mark) stocklevels.Level { return stocklevels.Level{Mark: m} }),
		subjectOf(productview.Model, "product", "productview_products", productview.Migrations(), catalogLog,
			func(m projections.Mark) productview.Product { return productview.Product{Mark: m} }),
		subjectOf(customerview.Model, "customer", "customerview_customers", customerview.Migrations(), customersLog,
			func(m projections.Mark) customerview.Customer { return customerview.Customer{Mark: m} }),
		subjectOf(salesdaily.Model, "order", "salesdaily_orders", salesdaily.Migrations(), ordersLog,
			func(m projections.Mark) salesdaily.Order { return salesdaily.Order{Mark: m} }),
		subjectOf(customerorders.Model, "order", "customerorders_orders", customerorders.Migrations(), ordersLog,
			func(m projections.Mark) customerorders.Order { return customerorders.Order{Mark: m} }),
	}
}

func subjectOf[R any](
	model projections.Model[R], category, table string, mig fs.FS,
	log func(*rapid.T) []eventstore.Recorded, at func(projections.Mark) R,
) subject {
	return subject{
		name: model.Name, category: category, table: table, mig: mig, log: log,
		handler: projections.NewProjector(model), model: model.ReadModel(),
		fold: func(events []eventstore.Recorded) (map[string]any, error) {
			rows, err := projectiontest.Fold(model, events)
			return widen(rows), err
		},
		apply: func(m projections.Mark, e projections.Event) (bool, error) {
			if _, ok := model.Key(e); !ok {
				return false, nil
			}
			_, err := model.Apply(at(m), e)
			return true, err
		},
		load: func(ctx context.Context, tx pgx.Tx, keys []string) (map[string]any, error) {
			rows, err := model.Load(ctx, tx, keys)
			return widen(rows), err
		},
	}
}

func widen[R any](rows map[string]R) map[string]any {
	out := make(map[string]any, len(rows))
	for key, row := range rows {
		out[key] = row
	}
	return out
}

// setup returns a pool on a fresh database with the subject's table.
func setup(t testing.TB, s subject) *pgxpool.Pool {
	t.Helper()
	pool, err := postgres.Open(t.Context(), testenv.Postgres(t), 4)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	if err := postgres.Migrate(t.Context(), pool, s.name, s.mig); err != nil {
		t.Fatal(err)
	}
	return pool
}

// start is deliberately finer than what the database keeps.
var start = time.Date(2026, 5, 6, 7, 8, 9, 123456789, time.UTC)

// decided grows a log by what an aggregate decides on random commands; what it refuses is not in the log.
func decided[S any, C aggregates.Command, E aggregates.Event](
	rt *rapid.T, log *projectiontest.Log, d aggregates.Decider[S, C, E], commands ...func(i int) C,
) {
	states := make(map[string]S)
	for range rapid.IntRange(0, 40).Draw(rt, "commands") {
		command := rapid.SampledFrom(commands).Draw(rt, "command")(rapid.IntRange(0, 4).Draw(rt, "aggregate"))
		state, ok := states[command.Stream()]
		if !ok {
			state = d.Initial()
		}
		events, err := d.Decide(state, command)
		if err != nil {
			continue
		}
		for _, e := range events {
			log.Append(command.Stream(), e)
		}
		states[command.Stream()] = d.Fold(state, events...)
	}
}

func ordersLog(rt *rapid.T) []eventstore.Recorded {
	var log projectiontest.Log
	id := func(i int) order.ID { return order.ID(fmt.Sprintf("0198c7a2-0000-7000-8000-%012d", i)) }
	place := func(i int) order.Command {
		return order.Place{
			OrderID: id(i), CustomerID: "c-1", PaymentMethod: "card", At: start.Add(time.Duration(i) * time.Hour),
			Lines: []order.Line{
				{SKU: "MUG-1", Quantity: int64(i) + 1, UnitPrice: aggregates.Money{Amount: 1990, Currency: "EUR"}},
				{SKU: "PEN-1", Quantity: 2, UnitPrice: aggregates.Money{Amount: 1 << 40, Currency: "EUR"}},
			},
		}
	}
	decided(rt, &log, order.Decider,
		place, place,
		func(i int) order.Command { return order.RequestPayment{OrderID: id(i), At: start} },
		func(i int) order.Command { return order.RequestPayment{OrderID: id(i), At: start} },
		func(i int) order.Command { return order.Confirm{OrderID: id(i), At: start} },
		func(i int) order.Command {
			return order.Reject{OrderID: id(i), Reason: order.ReasonOutOfStock, At: start, Shortages: []order.Shortage{
				{SKU: "MUG-1", Requested: 2, Available: 1},
			}}
		},
		func(i int) order.Command {
			return order.Compensate{OrderID: id(i), Reason: order.ReasonPaymentDeclined, Detail: "no \"funds\"", At: start}
		},
		func(i int) order.Command {
			return order.RecordUndone{OrderID: id(i), Step: order.StepReserveStock, At: start}
		},
		func(i int) order.Command {
			return order.RecordUndone{OrderID: id(i), Step: order.StepAuthorizePayment, At: start}
		},
		func(i int) order.Command {
			return order.Ship{OrderID: id(i), Shipment: order.Shipment{Carrier: "DHL", TrackingNumber: "JD 1"}, At: start}
		},
		func(i int) order.Command { return order.RequestCommit{OrderID: id(i), At: start} },
		func(i int) order.Command { return order.CompleteShipment{OrderID: id(i), At: start} },
		func(i int) order.Command {
			return order.Cancel{OrderID: id(i), Reason: "changed my \"mind\"", At: start}
		},
		func(i int) order.Command {
			return order.RecordRefused{OrderID: id(i), Wait: order.Wait{Step: order.StepCapturePayment, Attempt: 1}, At: start}
		},
		func(i int) order.Command {
			return order.PassDeadline{OrderID: id(i), Wait: order.Wait{Step: order.StepReleaseStock, Attempt: 1}, At: start}
		},
		func(i int) order.Command { return order.Retry{OrderID: id(i), Reason: "try again", At: start} },
	)
	return log.Events()
}

func inventoryLog(rt *rapid.T) []eventstore.Recorded {
	var log projectiontest.Log
	sku := func(i int) stock.SKU { return stock.SKU(fmt.Sprintf("MUG-%d", i)) }
	delivery := 0
	receive := func(i int) stock.Command {
		delivery++
		return stock.Receive{SKU: sku(i), Quantity: 10, Reference: fmt.Sprintf("d-%d", delivery), At: start}
	}
	decided(rt, &log, stock.Decider,
		receive, receive,
		func(i int) stock.Command { return stock.Adjust{SKU: sku(i), Delta: -3, Reason: "count", At: start} },
		func(i int) stock.Command { return stock.Adjust{SKU: sku(i), Delta: 1, Reason: "count", At: start} },
		func(i int) stock.Command { return stock.Allocate{SKU: sku(i), OrderID: "o-1", Quantity: 4, At: start} },
		func(i int) stock.Command {
			return stock.Deallocate{SKU: sku(i), OrderID: "o-1", Quantity: 4, At: start}
		},
		func(i int) stock.Command { return stock.Dispatch{SKU: sku(i), OrderID: "o-1", Quantity: 2, At: start} },
	)
	log.Append("reservation-o-1", reservation.Reserved{ // the same topic, but not this model's business
		OrderID: "o-1", Lines: []reservation.Line{{SKU: "MUG-1", Quantity: 4}}, At: start,
	})
	return log.Events()
}

func catalogLog(rt *rapid.T) []eventstore.Recorded {
	var log projectiontest.Log
	sku := func(i int) product.SKU { return product.SKU(fmt.Sprintf("MUG-%d", i)) }
	prices := rapid.Int64Range(1, 3)
	decided(rt, &log, product.Decider,
		func(i int) product.Command {
			return product.Define{
				SKU: sku(i), Name: rapid.SampledFrom([]string{"Mug", "Große Tasse", "cup'; --"}).Draw(rt, "name"),
				Price: aggregates.Money{
					Amount: prices.Draw(rt, "price"), Currency: rapid.SampledFrom([]string{"EUR", "JPY"}).Draw(rt, "currency"),
				},
				At: start,
			}
		},
		func(i int) product.Command { return product.Discontinue{SKU: sku(i), At: start} },
	)
	return log.Events()
}

func customersLog(rt *rapid.T) []eventstore.Recorded {
	var log projectiontest.Log
	id := func(i int) customer.ID { return customer.ID(fmt.Sprintf("0198c7a2-0000-7000-8000-%012d", i)) }
	decided(rt, &log, customer.Decider,
		func(i int) customer.Command {
			return customer.Register{CustomerID: id(i), Name: "Zoë", Email: fmt.Sprintf("z%d@example.com", i), At: start}
		},
		func(i int) customer.Command { return customer.Block{CustomerID: id(i), At: start} },
		func(i int) customer.Command { return customer.Unblock{CustomerID: id(i), At: start} },
	)
	return log.Events()
}

// keys lists what a map of rows has, for loading the same ones.
func keys[R any](rows map[string]R) []string { return slices.Sorted(maps.Keys(rows)) }
