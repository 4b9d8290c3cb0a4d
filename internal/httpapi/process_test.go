package httpapi_test

import (
	"testing"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/order"
)

const stuckOrder = "0198c7a2-4e1f-7c3b-9d2a-5b6f0c8e1a02"

// stuck makes an order that needs attention: its payment was not captured.
func (p *platform) stuck() {
	p.t.Helper()
	price := aggregates.Money{Amount: 1990, Currency: "EUR"}
	lines := []order.Line{{SKU: "MUG-1", Quantity: 1, UnitPrice: price}}
	p.happenedTo(stuckOrder,
		order.Placed{OrderID: stuckOrder, CustomerID: ada, Lines: lines, Total: price, PaymentMethod: "pm_ok", At: now},
		order.PaymentRequested{OrderID: stuckOrder, Amount: price, PaymentMethod: "pm_ok", At: now},
		order.Confirmed{OrderID: stuckOrder, At: now},
		order.ShipmentRequested{OrderID: stuckOrder, Shipment: order.Shipment{Carrier: "DHL", TrackingNumber: "1"}, At: now},
		order.AttentionNeeded{
			OrderID: stuckOrder, Wait: order.Wait{Step: order.StepCapturePayment, Attempt: 1}, Cause: order.CauseRefused, Detail: "try_later", At: now,
		})
}

func TestOrderProcess(t *testing.T) {
	t.Parallel()
	p := setup(t)
	placed := p.do("POST", "/v1/orders", orderBody(mugs), "Idempotency-Key", "k").must(t, 201)
	id := placed.body["id"].(string)

	res := p.do("GET", "/v1/orders/"+id+"/process", "").must(t, 200)
	if res.header.Get("Ordo-Position") != "orders:1" || res.body["state"] != "running" || res.body["status"] != "placed" {
		t.Errorf("%v", res.text)
	}
	steps := res.body["steps"].([]any)
	first := steps[0].(map[string]any)
	if len(steps) != 2 || first["name"] != "reserve_stock" || first["service"] != "inventory" || first["progress"] != "awaited" || first["deadline"] == nil {
		t.Errorf("steps: %v", steps)
	}
	if steps[1].(map[string]any)["progress"] != "expected" {
		t.Errorf("steps: %v", steps)
	}
	if events := res.body["events"].([]any); len(events) != 1 || events[0].(map[string]any)["type"] != "OrderPlaced" {
		t.Errorf("events: %v", events)
	}
	p.do("GET", "/v1/orders/0198c7a2-0000-7000-8000-000000000404/process", "").refused(t, 404, "not_found", "")
}

// Only what is stuck is tried again, only the step that is, and somebody says why. Under one key it is asked for once.
func TestRetryOrder(t *testing.T) {
	t.Parallel()
	p := setup(t)
	p.confirmed(confirmedOrder)
	p.stuck()
	before := p.appended()
	p.do("POST", "/v1/orders/"+confirmedOrder+"/retry", `{"reason":"come on"}`).refused(t, 409, "invalid_state", "")
	p.do("POST", "/v1/orders/0198c7a2-0000-7000-8000-000000000404/retry", `{"reason":"come on"}`).refused(t, 404, "not_found", "")
	const path = "/v1/orders/" + stuckOrder + "/retry"
	if res := p.do("POST", path, `{"step":"commit_stock","reason":"come on"}`); res.status != 409 && res.status != 422 {
		t.Errorf("another step: %s", res.text)
	}
	if res := p.do("POST", path, `{"step":"capture_payment"}`); res.status != 422 || res.body["field"] != "reason" {
		t.Errorf("without a reason: %s", res.text)
	}
	if p.appended() != before {
		t.Error("something was stored")
	}
	for range 2 {
		res := p.do("POST", path, `{"step":"capture_payment","reason":"come on"}`, "Idempotency-Key", "r").must(t, 202)
		if res.body["status"] != "confirmed" {
			t.Errorf("%s", res.text)
		}
	}
	if n := p.appended() - before; n != 1 {
		t.Errorf("%d events were stored", n)
	}
}
