package schemas_test

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/customer"
	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/aggregates/payment"
	"github.com/ordo-platform/ordo/aggregates/product"
	"github.com/ordo-platform/ordo/aggregates/reservation"
	"github.com/ordo-platform/ordo/aggregates/stock"
	"github.com/ordo-platform/ordo/schemas"
)

// TestWhatAggregatesDecideFitsTheSchemas: events of every type, as the aggregates make them of random commands at and
// within their limits, are written in the closed form of their schema and read as they were.
func TestWhatAggregatesDecideFitsTheSchemas(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		seen := map[string]bool{}
		for _, e := range decided(t) {
			seen[e.EventType()] = true
			name, version, data, err := schemas.Encode(e)
			if err != nil {
				t.Fatalf("%+v: %v", e, err)
			}
			typ := schemas.Type{Name: name, Version: version}
			if err := validate(t, typ, data); err != nil {
				t.Fatalf("%s: %v", data, err)
			}
			back, err := schemas.Decode(stored(typ, data))
			if err != nil {
				t.Fatalf("%s: %v", data, err)
			}
			if !reflect.DeepEqual(back, e) {
				t.Fatalf("wrote %+v, read %+v", e, back)
			}
		}
		for _, typ := range schemas.Types() {
			if !seen[typ.Name] {
				t.Fatalf("no %s was decided", typ.Name)
			}
		}
	})
}

// decided returns at least one event of every type.
func decided(t *rapid.T) []aggregates.Event {
	var all []aggregates.Event
	all = append(all, orders(t)...)
	all = append(all, stocks(t)...)
	all = append(all, reservations(t)...)
	all = append(all, payments(t)...)
	all = append(all, products(t)...)
	all = append(all, customers(t)...)
	return all
}

func orders(t *rapid.T) []aggregates.Event {
	id := order.ID(uuids.Draw(t, "order"))
	at := times.Draw(t, "at")
	place := order.Place{OrderID: id, CustomerID: uuids.Draw(t, "customer"), PaymentMethod: text(t, order.MaxPaymentMethodLength), At: at}
	currency := currencies.Draw(t, "currency")
	for _, sku := range skus(t) {
		place.Lines = append(place.Lines, order.Line{
			SKU:       sku,
			Quantity:  number(1, order.MaxQuantity).Draw(t, "quantity"),
			UnitPrice: aggregates.Money{Amount: number(0, 90_000_000_000).Draw(t, "price"), Currency: currency},
		})
	}
	reject := order.Reject{OrderID: id, Reason: order.ReasonOutOfStock, At: at}
	for _, s := range shortages(t) {
		reject.Shortages = append(reject.Shortages, order.Shortage(s))
	}
	compensate := order.Compensate{OrderID: id, Reason: order.ReasonPaymentDeclined, Detail: rapid.String().Draw(t, "detail"), At: at}
	request, undone := order.RequestPayment{OrderID: id, At: at}, order.RecordUndone{OrderID: id, Step: order.StepReserveStock, At: at}

	outOfStock := run(t, order.Decider, nil, []order.Command{place, reject})
	declined := run(t, order.Decider, nil, []order.Command{place, request, compensate, undone})
	ship := order.Ship{OrderID: id, Shipment: order.Shipment{Carrier: text(t, order.MaxCarrierLength), TrackingNumber: text(t, order.MaxTrackingLength)}, At: at}
	shipped := run(t, order.Decider, nil, []order.Command{
		place, request, order.Confirm{OrderID: id, At: at}, ship, order.RequestCommit{OrderID: id, At: at}, order.CompleteShipment{OrderID: id, At: at},
	})
	void := order.Wait{Step: order.StepVoidPayment, Attempt: 1}
	cancelled := run(t, order.Decider, nil, []order.Command{
		place, request,
		order.Cancel{OrderID: id, Reason: text(t, order.MaxReasonLength), At: at},
		order.RecordRefused{OrderID: id, Wait: void, Detail: rapid.String().Draw(t, "detail"), At: at},
		order.Retry{OrderID: id, Reason: text(t, order.MaxReasonLength), At: at},
		order.RecordUndone{OrderID: id, Step: order.StepAuthorizePayment, At: at},
		undone,
	})
	timedOut := run(t, order.Decider, nil, []order.Command{
		place, order.PassDeadline{OrderID: id, Wait: order.Wait{Step: order.StepReserveStock, Attempt: 1}, At: at}, undone,
	})
	return flat(outOfStock, declined, shipped, cancelled, timedOut)
}

func stocks(t *rapid.T) []aggregates.Event {
	sku, at, orderID := stock.SKU(sku.Draw(t, "sku")), times.Draw(t, "at"), uuids.Draw(t, "order")
	n := number(1, stock.MaxReceived).Draw(t, "received")
	m := number(1, n).Draw(t, "allocated")
	return flat(run(t, stock.Decider, nil, []stock.Command{
		stock.Receive{SKU: sku, Quantity: n, Reference: text(t, stock.MaxReferenceLength), At: at},
		stock.Allocate{SKU: sku, OrderID: orderID, Quantity: m, At: at},
		stock.Adjust{SKU: sku, Delta: -n, RecordShortage: true, Reason: text(t, stock.MaxReasonLength), At: at},
		stock.Adjust{SKU: sku, Delta: n, Reason: text(t, stock.MaxReasonLength), At: at},
		stock.Deallocate{SKU: sku, OrderID: orderID, Quantity: m, At: at},
		stock.Allocate{SKU: sku, OrderID: orderID, Quantity: m, At: at},
		stock.Dispatch{SKU: sku, OrderID: orderID, Quantity: m, At: at},
		stock.Adjust{SKU: sku, Delta: m, Reason: text(t, stock.MaxReasonLength), At: at},
		stock.Adjust{SKU: sku, Delta: -n, Reason: text(t, stock.MaxReasonLength), At: at},
		stock.Adjust{SKU: sku, Delta: number(1, stock.MaxOnHand).Draw(t, "delta"), Reason: text(t, stock.MaxReasonLength), At: at},
	}))
}

func reservations(t *rapid.T) []aggregates.Event {
	id, at := uuids.Draw(t, "order"), times.Draw(t, "at")
	var lines []reservation.Line
	for _, sku := range skus(t) {
		lines = append(lines, reservation.Line{SKU: sku, Quantity: number(1, order.MaxQuantity).Draw(t, "quantity")})
	}
	return flat(
		run(t, reservation.Decider, nil, []reservation.Command{
			reservation.Reserve{OrderID: id, Lines: lines, At: at}, reservation.Release{OrderID: id, At: at},
		}),
		run(t, reservation.Decider, nil, []reservation.Command{
			reservation.Reserve{OrderID: id, Lines: lines, At: at}, reservation.Commit{OrderID: id, At: at},
		}),
		run(t, reservation.Decider, nil, []reservation.Command{reservation.Cancel{OrderID: id, At: at}}),
		run(t, reservation.Decider, nil, []reservation.Command{reservation.Refuse{OrderID: id, Shortages: shortages(t), At: at}}),
	)
}

func payments(t *rapid.T) []aggregates.Event {
	id, at := uuids.Draw(t, "order"), times.Draw(t, "at")
	request := payment.Request{
		OrderID: id,
		Amount:  aggregates.Money{Amount: rapid.Int64Min(0).Draw(t, "amount"), Currency: currencies.Draw(t, "currency")},
		Method:  text(t, order.MaxPaymentMethodLength),
		At:      at,
	}
	reason := rapid.String().Draw(t, "reason")
	authorized := payment.RecordAuthorized{OrderID: id, AuthorizationID: text(t, payment.MaxAuthorizationIDLength), At: at}
	capture, again := payment.Capture{OrderID: id, Attempt: 1, At: at}, payment.Capture{OrderID: id, Attempt: 2, At: at}
	undo, undoAgain := payment.Undo{OrderID: id, Attempt: 1, At: at}, payment.Undo{OrderID: id, Attempt: 2, At: at}
	return flat(
		run(t, payment.Decider, nil, []payment.Command{request, payment.RecordDeclined{OrderID: id, Reason: reason, At: at}}),
		run(t, payment.Decider, nil, []payment.Command{
			request, authorized, capture,
			payment.RecordCaptureRefused{OrderID: id, Key: "capture-" + id, Reason: reason, At: at},
			again,
			payment.RecordCaptured{OrderID: id, Key: "capture-" + id + "-2", At: at},
			undo,
			payment.RecordRefundRefused{OrderID: id, Key: "refund-" + id, Reason: reason, At: at},
			undoAgain,
			payment.RecordRefunded{OrderID: id, Key: "refund-" + id + "-2", At: at},
		}),
		run(t, payment.Decider, nil, []payment.Command{
			request, undo, undoAgain, authorized,
			payment.RecordVoidRefused{OrderID: id, Key: "void-" + id + "-2", Reason: reason, At: at},
			payment.Undo{OrderID: id, Attempt: 3, At: at},
			payment.RecordVoided{OrderID: id, Key: "void-" + id + "-3", At: at},
		}),
	)
}

func products(t *rapid.T) []aggregates.Event {
	sku, at := product.SKU(sku.Draw(t, "sku")), times.Draw(t, "at")
	name, price := text(t, product.MaxNameLength-1), number(0, product.MaxPrice-1).Draw(t, "price")
	currency := currencies.Draw(t, "currency")
	return flat(run(t, product.Decider, nil, []product.Command{
		product.Define{SKU: sku, Name: name, Price: aggregates.Money{Amount: price, Currency: currency}, At: at},
		product.Define{SKU: sku, Name: name + "!", Price: aggregates.Money{Amount: price, Currency: currency}, At: at},
		product.Define{SKU: sku, Name: name + "!", Price: aggregates.Money{Amount: price + 1, Currency: currency}, At: at},
		product.Discontinue{SKU: sku, At: at},
	}))
}

func customers(t *rapid.T) []aggregates.Event {
	id, at := customer.ID(uuids.Draw(t, "customer")), times.Draw(t, "at")
	return flat(run(t, customer.Decider, nil, []customer.Command{
		customer.Register{
			CustomerID: id,
			Name:       text(t, customer.MaxNameLength),
			Email:      rapid.StringMatching(`[a-z0-9é+."]{1,100}@[a-z0-9.-]{1,153}`).Draw(t, "email"),
			At:         at,
		},
		customer.Block{CustomerID: id, At: at},
		customer.Unblock{CustomerID: id, At: at},
	}))
}

// run decides the commands one after the other. Each must be accepted with something new.
func run[S, C any, E aggregates.Event](t *rapid.T, d aggregates.Decider[S, C, E], history []E, commands []C) []E {
	state := d.Fold(d.Initial(), history...)
	var all []E
	for _, c := range commands {
		events, err := d.Decide(state, c)
		if err != nil || len(events) == 0 {
			t.Fatalf("%+v: %v, %v", c, events, err)
		}
		state = d.Fold(state, events...)
		all = append(all, events...)
	}
	return all
}

func flat[E aggregates.Event](lists ...[]E) []aggregates.Event {
	var all []aggregates.Event
	for _, list := range lists {
		for _, e := range list {
			all = append(all, e)
		}
	}
	return all
}

var (
	uuids      = rapid.StringMatching(`[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`)
	sku        = rapid.StringMatching(`[A-Za-z0-9][A-Za-z0-9._-]{0,63}`)
	currencies = rapid.SampledFrom([]string{"EUR", "USD", "JPY", "KWD"})
	times      = rapid.Map(rapid.Int64Range(1, 250_000_000_000), func(sec int64) time.Time { // up to the year 9892
		return time.Unix(sec, sec%1_000_000_000).UTC()
	})
)

// number draws from a range, its ends among them.
func number(low, high int64) *rapid.Generator[int64] {
	return rapid.OneOf(rapid.Int64Range(low, high), rapid.SampledFrom([]int64{low, high}))
}

// text draws one that the aggregates accept, of any script, often as long as it may be.
func text(t *rapid.T, limit int) string {
	s := aggregates.CleanText(rapid.OneOf(
		rapid.String(),
		rapid.StringOfN(rapid.SampledFrom([]rune(`aé漢"\<&👩`)), limit, limit, -1),
	).Draw(t, "text"), limit)
	if s == "" {
		return "x"
	}
	return s
}

// skus draws those of an order's lines: up to five, or as many as there may be.
func skus(t *rapid.T) []string {
	if rapid.IntRange(0, 19).Draw(t, "long order") == 0 {
		all := make([]string, order.MaxLines)
		for i := range all {
			all[i] = fmt.Sprintf("SKU-%d", i)
		}
		return all
	}
	return rapid.SliceOfNDistinct(sku, 1, 5, rapid.ID[string]).Draw(t, "skus")
}

func shortages(t *rapid.T) []reservation.Shortage {
	var all []reservation.Shortage
	for _, sku := range skus(t) {
		requested := number(1, order.MaxQuantity).Draw(t, "requested")
		all = append(all, reservation.Shortage{
			SKU: sku, Requested: requested, Available: number(0, requested-1).Draw(t, "available"),
		})
	}
	return all
}
