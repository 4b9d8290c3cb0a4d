package httpapi_test

import (
	"fmt"
	"testing"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/schemas"
)

const confirmedOrder = "0198c7a2-4e1f-7c3b-9d2a-5b6f0c8e1a01"

// confirmed makes an order that can be shipped.
func (p *platform) confirmed(id order.ID) {
	p.t.Helper()
	price := aggregates.Money{Amount: 1990, Currency: "EUR"}
	lines := []order.Line{{SKU: "MUG-1", Quantity: 1, UnitPrice: price}}
	p.happened(order.Placed{OrderID: id, CustomerID: ada, Lines: lines, Total: price, PaymentMethod: "pm_ok", At: now},
		order.PaymentRequested{OrderID: id, Amount: price, PaymentMethod: "pm_ok", At: now}, order.Confirmed{OrderID: id, At: now})
}

// happened stores events of the order confirmedOrder as they are.
func (p *platform) happened(events ...order.Event) {
	p.t.Helper()
	p.happenedTo(confirmedOrder, events...)
}

func (p *platform) happenedTo(id order.ID, events ...order.Event) {
	p.t.Helper()
	for _, e := range events {
		eventType, version, data, err := schemas.Encode(e)
		if err != nil {
			p.t.Fatal(err)
		}
		stored := eventstore.Event{ID: eventstore.NewID(), Type: eventType, SchemaVersion: version, Data: data}
		_, err = p.stores["orders"].Append(p.t.Context(), eventstore.Append{Streams: []eventstore.StreamAppend{
			{Stream: eventstore.StreamID(order.Stream(id)), Expected: eventstore.AnyVersion, Events: []eventstore.Event{stored}},
		}})
		if err != nil {
			p.t.Fatal(err)
		}
	}
}

func TestCancelOrder(t *testing.T) {
	t.Parallel()
	p := setup(t)
	p.confirmed(confirmedOrder)
	const path, body = "/v1/orders/" + confirmedOrder + "/cancel", `{"reason":"ordered twice"}`
	res := p.do("POST", path, body).must(t, 202)
	want := `{"id":"` + confirmedOrder + `","status":"cancelling","version":4,"reason":"on_request"}`
	if res.text != want {
		t.Errorf("answered %s\nwant     %s", res.text, want)
	}
	for name, want := range map[string]string{"Location": "/v1/orders/" + confirmedOrder, "ETag": `"4"`, "Ordo-Position": "orders:4"} {
		if got := res.header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for _, again := range []string{body, `{"reason":"another reason"}`} {
		if res := p.do("POST", path, again).must(t, 202); res.text != want {
			t.Errorf("again: %s", res.text)
		}
	}
	p.do("POST", "/v1/orders/"+confirmedOrder+"/ship", parcel).refused(t, 409, "invalid_state", "")
	p.happened(order.CompensationAdvanced{
		OrderID: confirmedOrder, Undone: order.StepAuthorizePayment, Next: order.StepReserveStock,
		Lines: []order.Item{{SKU: "MUG-1", Quantity: 1}}, At: now,
	}, order.Cancelled{OrderID: confirmedOrder, Reason: order.ReasonOnRequest, At: now})
	if res := p.do("POST", path, body).must(t, 202); res.body["status"] != "cancelled" {
		t.Errorf("after the end: %s", res.text)
	}
	if n := p.appended(); n != 6 {
		t.Errorf("%d events", n)
	}
}

const parcel = `{"carrier":"DHL","tracking_number":"JD1"}`

func TestShipOrder(t *testing.T) {
	t.Parallel()
	p := setup(t)
	p.confirmed(confirmedOrder)
	const path = "/v1/orders/" + confirmedOrder + "/ship"
	want := `{"id":"` + confirmedOrder + `","status":"confirmed","version":4,"shipment":{"carrier":"DHL","tracking_number":"JD1"}}`
	for range 2 {
		if res := p.do("POST", path, parcel).must(t, 202); res.text != want {
			t.Errorf("answered %s\nwant     %s", res.text, want)
		}
	}
	p.do("POST", path, `{"carrier":"UPS","tracking_number":"1Z"}`).refused(t, 409, "invalid_state", "")
	p.do("POST", "/v1/orders/"+confirmedOrder+"/cancel", `{"reason":"too late"}`).refused(t, 409, "invalid_state", "")
	p.happened(order.CommitRequested{OrderID: confirmedOrder, Lines: []order.Item{{SKU: "MUG-1", Quantity: 1}}, At: now},
		order.Shipped{OrderID: confirmedOrder, Shipment: order.Shipment{Carrier: "DHL", TrackingNumber: "JD1"}, At: now})
	if res := p.do("POST", path, parcel).must(t, 202); res.body["status"] != "shipped" {
		t.Errorf("after the end: %s", res.text)
	}
	p.do("POST", "/v1/orders/"+confirmedOrder+"/cancel", `{"reason":"too late"}`).refused(t, 409, "invalid_state", "")
}

// Both commands answer alike to ids that are not there, stale versions and idempotency keys.
func TestOrderCommandsAsAnyOther(t *testing.T) {
	t.Parallel()
	for command, body := range map[string]string{"cancel": `{"reason":"ordered twice"}`, "ship": parcel} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			p := setup(t)
			p.confirmed(confirmedOrder)
			path := "/v1/orders/" + confirmedOrder + "/" + command
			p.do("POST", "/v1/orders/"+ada+"/"+command, body).refused(t, 404, "not_found", "")
			p.do("POST", "/v1/orders/1/"+command, body).refused(t, 400, "invalid_id", "id")
			p.do("GET", path, "").refused(t, 405, "method_not_allowed", "")

			stale := p.do("POST", path, body, "If-Match", `"2"`)
			stale.refused(t, 412, "version_conflict", "If-Match")
			if stale.body["current_version"] != 3.0 {
				t.Errorf("%s", stale.text)
			}
			p.do("POST", path, body, "If-Match", "3").refused(t, 400, "invalid_parameter", "If-Match")
			if n := p.appended(); n != 3 {
				t.Errorf("refused requests stored %d events", n-3)
			}

			first := p.do("POST", path, body, "If-Match", `"3"`, "Idempotency-Key", "k").must(t, 202)
			again := p.do("POST", path, body, "If-Match", `"3"`, "Idempotency-Key", "k").must(t, 202)
			if again.text != first.text || again.header.Get("Idempotent-Replayed") != "true" {
				t.Errorf("repeated: %s", again.text)
			}
			other := map[string]string{"cancel": `{"reason":"other"}`, "ship": `{"carrier":"UPS","tracking_number":"1Z"}`}[command]
			p.do("POST", path, other, "Idempotency-Key", "k").refused(t, 422, "idempotency_key_reused", "Idempotency-Key")
			if n := p.appended(); n != 4 {
				t.Errorf("%d events", n)
			}
		})
	}
}

// An order that has not come far enough, or has ended, cannot be shipped.
func TestShipOrderIsNotPossible(t *testing.T) {
	t.Parallel()
	price := aggregates.Money{Amount: 1990, Currency: "EUR"}
	placed := order.Placed{
		OrderID: confirmedOrder, CustomerID: ada, Total: price, PaymentMethod: "pm_ok", At: now,
		Lines: []order.Line{{SKU: "MUG-1", Quantity: 1, UnitPrice: price}},
	}
	for i, history := range [][]order.Event{
		{placed},
		{placed, order.PaymentRequested{OrderID: confirmedOrder, Amount: price, PaymentMethod: "pm_ok", At: now}},
		{placed, order.Rejected{OrderID: confirmedOrder, Reason: order.ReasonOutOfStock, At: now}},
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			p := setup(t)
			p.happened(history...)
			p.do("POST", "/v1/orders/"+confirmedOrder+"/ship", parcel).refused(t, 409, "invalid_state", "")
		})
	}
}
