package orderview_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/aggregates/product"
	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/projections"
	"github.com/ordo-platform/ordo/projections/orderview"
	"github.com/ordo-platform/ordo/projections/projectiontest"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata")

const id order.ID = "0198c7a2-4e1f-7c3b-9d2a-5b6f0c8e1a01"

var (
	at    = time.Date(2026, 5, 6, 9, 8, 7, 123456789, time.FixedZone("CEST", 2*60*60))
	price = aggregates.Money{Amount: 1990, Currency: "EUR"}
	items = []order.Item{{SKU: "MUG-1", Quantity: 2}}

	placed = order.Placed{
		OrderID: id, CustomerID: "0198c7a2-0000-7000-8000-00000000c001", PaymentMethod: "card", At: at,
		Lines: []order.Line{{SKU: "MUG-1", Quantity: 2, UnitPrice: price}}, Total: aggregates.Money{Amount: 3980, Currency: "EUR"},
	}
	requested = order.PaymentRequested{OrderID: id, Amount: placed.Total, PaymentMethod: "card", At: at.Add(time.Second)}
	confirmed = order.Confirmed{OrderID: id, At: at.Add(2 * time.Second)}
	undoing   = order.CompensationStarted{
		OrderID: id, Reason: order.ReasonPaymentDeclined, Undo: []order.Step{order.StepReserveStock}, Lines: items, At: at.Add(2 * time.Second),
	}
	rejected = order.Rejected{OrderID: id, Reason: order.ReasonPaymentDeclined, At: at.Add(3 * time.Second)}

	parcel     = order.Shipment{Carrier: "DHL", TrackingNumber: "JD014600003RU"}
	toShip     = order.ShipmentRequested{OrderID: id, Shipment: parcel, At: at.Add(3 * time.Second)}
	toCommit   = order.CommitRequested{OrderID: id, Lines: items, At: at.Add(4 * time.Second)}
	shipped    = order.Shipped{OrderID: id, Shipment: parcel, At: at.Add(5 * time.Second)}
	cancelling = order.CancellationRequested{
		OrderID: id, Reason: order.ReasonOnRequest, Detail: "changed my mind", Lines: items, At: at.Add(3 * time.Second),
		Undo: []order.Step{order.StepAuthorizePayment, order.StepReserveStock},
	}
	advanced = order.CompensationAdvanced{
		OrderID: id, Undone: order.StepAuthorizePayment, Next: order.StepReserveStock, Lines: items, At: at.Add(4 * time.Second),
	}
	cancelled = order.Cancelled{OrderID: id, Reason: order.ReasonOnRequest, At: at.Add(5 * time.Second)}
)

func stuck(step order.Step) order.AttentionNeeded {
	return order.AttentionNeeded{OrderID: id, Wait: order.Wait{Step: step, Attempt: 1}, Cause: order.CauseOverdue, At: at.Add(4 * time.Second)}
}

func again(step order.Step) order.RetryRequested {
	return order.RetryRequested{
		OrderID: id, Wait: order.Wait{Step: step, Attempt: 2}, Reason: "provider is back", Lines: items, At: at.Add(5 * time.Second),
	}
}

// Each story ends in the row its golden file holds. Run with -update to rewrite the files, and review the diff.
func TestGoldenRows(t *testing.T) {
	t.Parallel()
	for story, events := range map[string][]order.Event{
		"placed":           {placed},
		"awaiting_payment": {placed, requested},
		"confirmed":        {placed, requested, confirmed},
		"cancelling":       {placed, requested, undoing},
		"payment_declined": {placed, requested, undoing, rejected},
		"out_of_stock": {placed, order.Rejected{
			OrderID: id, Reason: order.ReasonOutOfStock, At: at.Add(time.Second),
			Shortages: []order.Shortage{{SKU: "MUG-1", Requested: 2, Available: 1}},
		}},
		"shipped":             {placed, requested, confirmed, toShip, toCommit, shipped},
		"shipping_is_stuck":   {placed, requested, confirmed, toShip, stuck(order.StepCapturePayment)},
		"cancelled":           {placed, requested, confirmed, cancelling, advanced, cancelled},
		"undone_in_two_steps": {placed, requested, confirmed, cancelling, advanced},
		"undoing_is_stuck":    {placed, requested, confirmed, cancelling, stuck(order.StepVoidPayment)},
	} {
		t.Run(story, func(t *testing.T) {
			t.Parallel()
			got, err := json.MarshalIndent(fold(t, events...), "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, '\n')
			file := filepath.Join("testdata", story+".json")
			if *update {
				if err := os.WriteFile(file, got, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("row differs from %s:\n%s", file, got)
			}
		})
	}
}

// The read model tells the status that the order itself has.
func TestStatusIsThatOfTheAggregate(t *testing.T) {
	t.Parallel()
	for _, events := range [][]order.Event{
		{placed, requested, undoing, rejected},
		{placed, requested, confirmed, toShip, stuck(order.StepCapturePayment), again(order.StepCapturePayment), toCommit, shipped},
		{placed, requested, confirmed, toShip, stuck(order.StepCapturePayment), toCommit, shipped},
		{placed, requested, confirmed, cancelling, stuck(order.StepVoidPayment), again(order.StepVoidPayment), advanced, cancelled},
		{placed, requested, confirmed, cancelling, stuck(order.StepVoidPayment), advanced, cancelled},
	} {
		for n := 1; n <= len(events); n++ {
			state := order.Decider.Fold(order.Decider.Initial(), events[:n]...)
			row := fold(t, events[:n]...)
			if row.Status != state.Status || row.Reason != state.Reason || row.Shipment != state.Shipment {
				t.Errorf("after %T: %+v, the order says %+v", events[n-1], row, state)
			}
		}
	}
}

// A row that has been handed out stays as it was, whatever is applied on top of it.
func TestApplyChangesNothingItWasGiven(t *testing.T) {
	t.Parallel()
	row := fold(t, placed, requested)
	row.History = append(make([]orderview.Entry, 0, 10), row.History...) // room that a careless append would use
	before := row
	next := func(payload order.Event) orderview.Order {
		after, err := orderview.Apply(row, projections.Event{
			Recorded: eventstore.Recorded{Event: eventstore.Event{Type: payload.EventType()}, Version: 3, Position: 3},
			Payload:  payload,
		})
		if err != nil {
			t.Fatal(err)
		}
		return after
	}
	first := next(confirmed)
	second := next(undoing)
	if !reflect.DeepEqual(row, before) {
		t.Errorf("the row has changed: %+v", row)
	}
	if first.History[2].Type != confirmed.EventType() || second.History[2].Type != undoing.EventType() {
		t.Errorf("two rows share a history: %v, %v", first.History, second.History)
	}
}

func TestApplyRefusesImpossibleHistory(t *testing.T) {
	t.Parallel()
	recorded := eventstore.Recorded{Version: 1, Position: 1}
	for name, test := range map[string]struct {
		row   orderview.Order
		event projections.Event
	}{
		"confirmed before placed": {orderview.Order{}, projections.Event{Recorded: recorded, Payload: confirmed}},
		"placed again": {
			fold(t, placed), projections.Event{Recorded: eventstore.Recorded{Version: 2, Position: 2}, Payload: placed},
		},
		"version gap": {
			fold(t, placed), projections.Event{Recorded: eventstore.Recorded{Version: 3, Position: 3}, Payload: requested},
		},
		"position goes back": {
			fold(t, placed), projections.Event{Recorded: eventstore.Recorded{Version: 2, Position: 1}, Payload: requested},
		},
		"not about an order": {
			fold(t, placed),
			projections.Event{Recorded: eventstore.Recorded{Version: 2, Position: 2}, Payload: product.Discontinued{SKU: "MUG-1"}},
		},
	} {
		if row, err := orderview.Apply(test.row, test.event); err == nil {
			t.Errorf("%s: accepted: %+v", name, row)
		}
	}
}

// fold returns the row of the order after events, the first ones of an otherwise empty log.
func fold(t *testing.T, events ...order.Event) orderview.Order {
	t.Helper()
	var log projectiontest.Log
	for _, e := range events {
		log.Append(order.Stream(id), e)
	}
	rows, err := projectiontest.Fold(orderview.Model, log.Events())
	if err != nil {
		t.Fatal(err)
	}
	return rows[string(id)]
}
