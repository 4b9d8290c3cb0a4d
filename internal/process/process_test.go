package process_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/aggregates/payment"
	"github.com/ordo-platform/ordo/aggregates/reservation"
	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/process"
	"github.com/ordo-platform/ordo/schemas"
)

const id = "0198c7a2-4b7e-7c31-9f0a-6d2b8f4e1a01"

var (
	start = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	price = aggregates.Money{Amount: 100, Currency: "EUR"}
	lines = []order.Item{{SKU: "MUG", Quantity: 1}}

	placed = order.Placed{
		OrderID: id, CustomerID: "c", Lines: []order.Line{{SKU: "MUG", Quantity: 1, UnitPrice: price}}, Total: price, PaymentMethod: "pm_ok", At: start,
	}
	reserved   = reservation.Reserved{OrderID: id, Lines: []reservation.Line{{SKU: "MUG", Quantity: 1}}, At: start}
	refused    = reservation.Refused{OrderID: id, Shortages: []reservation.Shortage{{SKU: "MUG", Requested: 1}}, At: start}
	released   = reservation.Released{OrderID: id, Lines: []reservation.Line{{SKU: "MUG", Quantity: 1}}, At: start}
	toPay      = order.PaymentRequested{OrderID: id, Amount: price, PaymentMethod: "pm_ok", At: start}
	authorize  = payment.AuthorizationRequested{OrderID: id, Amount: price, Method: "pm_ok", Key: "k", At: start}
	authorized = payment.Authorized{OrderID: id, Amount: price, AuthorizationID: "a", At: start}
	declined   = payment.Declined{OrderID: id, Reason: "no_money", At: start}
	confirmed  = order.Confirmed{OrderID: id, At: start}
	cancel     = order.CancellationRequested{
		OrderID: id, Reason: order.ReasonOnRequest, Detail: "wrong one", Undo: []order.Step{order.StepAuthorizePayment, order.StepReserveStock}, Lines: lines, At: start,
	}
	void     = payment.VoidRequested{OrderID: id, AuthorizationID: "a", Key: "v", Attempt: 1, At: start}
	voided   = payment.Voided{OrderID: id, At: start}
	advanced = order.CompensationAdvanced{
		OrderID: id, Undone: order.StepAuthorizePayment, Next: order.StepReserveStock, Lines: lines, At: start,
	}
	cancelled = order.Cancelled{OrderID: id, Reason: order.ReasonOnRequest, At: start}
	attention = order.AttentionNeeded{
		OrderID: id, Wait: order.Wait{Step: order.StepVoidPayment, Attempt: 1}, Cause: order.CauseRefused, Detail: "try_later", At: start,
	}
	voidRefused = payment.VoidRefused{OrderID: id, Reason: "try_later", Attempt: 1, At: start}
)

// story records events, 10 ms apart, each as a reaction to the one before.
func story(t *testing.T, events ...aggregates.Event) process.Story {
	t.Helper()
	var s process.Story
	cause := "a-request"
	for i, e := range events {
		eventType, version, data, err := schemas.Encode(e)
		if err != nil {
			t.Fatal(err)
		}
		rec := eventstore.Recorded{
			Event: eventstore.Event{
				ID: eventstore.DeriveID(uuid.Nil, "test", i), Type: eventType, SchemaVersion: version, Data: data,
				Metadata: eventstore.Metadata{CorrelationID: "story", CausationID: cause, Actor: "step:some_step"},
			},
			Position: eventstore.Position(i + 1), RecordedAt: start.Add(time.Duration(i) * 10 * time.Millisecond),
		}
		cause = rec.ID.String()
		list, stream := &s.Order, order.Stream(id)
		switch e.(type) {
		case reservation.Event:
			list, stream = &s.Reservation, reservation.Stream(id)
		case payment.Event:
			list, stream = &s.Payment, payment.Stream(id)
		}
		rec.Stream, rec.Version = eventstore.StreamID(stream), eventstore.Version(len(*list)+1)
		*list = append(*list, rec)
		s.Now = rec.RecordedAt.Add(time.Second)
	}
	return s
}

func describe(t *testing.T, s process.Story) process.Process {
	t.Helper()
	p, err := process.Describe(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func steps(p process.Process) string {
	var list []string
	for _, s := range p.Steps {
		list = append(list, fmt.Sprintf("%s %s", s.Name, s.Progress))
	}
	return strings.Join(list, ", ")
}

// At every point of an order's way: what was done, what is awaited and what is still to come.
func TestSteps(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		events []aggregates.Event
		state  process.State
		steps  string
	}{
		{"placed", []aggregates.Event{placed}, process.Running, "reserve_stock awaited, authorize_payment expected"},
		{"out of stock", []aggregates.Event{placed, refused, order.Rejected{OrderID: id, Reason: order.ReasonOutOfStock, At: start}}, process.Done, "reserve_stock failed"},
		{"paying", []aggregates.Event{placed, reserved, toPay, authorize}, process.Running, "reserve_stock done, authorize_payment awaited"},
		{"confirmed", []aggregates.Event{placed, reserved, toPay, authorize, authorized, confirmed}, process.Done, "reserve_stock done, authorize_payment done"},
		{
			"declined",
			[]aggregates.Event{placed, reserved, toPay, authorize, declined, order.CompensationStarted{
				OrderID: id, Reason: order.ReasonPaymentDeclined, Undo: []order.Step{order.StepReserveStock}, Lines: lines, At: start,
			}},
			process.Compensating, "reserve_stock done, authorize_payment failed, release_stock awaited",
		},
		{
			"cancelling",
			[]aggregates.Event{placed, reserved, toPay, authorize, authorized, confirmed, cancel, void},
			process.Compensating, "reserve_stock done, authorize_payment done, void_payment awaited, release_stock expected",
		},
		{
			"half undone",
			[]aggregates.Event{placed, reserved, toPay, authorize, authorized, confirmed, cancel, void, voided, advanced},
			process.Compensating, "reserve_stock done, authorize_payment undone, void_payment done, release_stock awaited",
		},
		{
			"cancelled",
			[]aggregates.Event{placed, reserved, toPay, authorize, authorized, confirmed, cancel, void, voided, advanced, released, cancelled},
			process.Done, "reserve_stock undone, authorize_payment undone, void_payment done, release_stock done",
		},
		{
			"cancelled while it was paying: nobody knows yet whether the money is held",
			[]aggregates.Event{placed, reserved, toPay, authorize, cancel, payment.UndoRequested{OrderID: id, Attempt: 1, At: start}},
			process.Compensating, "reserve_stock done, authorize_payment dropped, void_payment awaited, release_stock expected",
		},
		{
			"stuck",
			[]aggregates.Event{placed, reserved, toPay, authorize, authorized, confirmed, cancel, void, voidRefused, attention},
			process.Stuck, "reserve_stock done, authorize_payment done, void_payment failed, release_stock expected",
		},
	} {
		p := describe(t, story(t, c.events...))
		if steps(p) != c.steps || p.State != c.state {
			t.Errorf("%s: %s: %s\nwant %s: %s", c.name, p.State, steps(p), c.state, c.steps)
		}
		if len(p.Events) != len(c.events) {
			t.Errorf("%s: %d events of %d", c.name, len(p.Events), len(c.events))
		}
	}
}

// What is awaited says since when, until when, and what went wrong so far.
func TestAwaited(t *testing.T) {
	t.Parallel()
	s := story(t, placed, reserved, toPay, authorize)
	s.Deadline = &process.Pending{Due: start.Add(2 * time.Minute)}
	s.Call = &process.Pending{Attempt: 1, Due: start.Add(3 * time.Second)} // under way, nothing went wrong
	p := describe(t, s)
	waits := p.Steps[1]
	if p.State != process.Running || !waits.AskedAt.Equal(start.Add(20*time.Millisecond)) || *waits.DurationMS != 1010 ||
		!waits.Deadline.Equal(s.Deadline.Due) || waits.Attempt != 1 || waits.NextAttempt != nil {
		t.Errorf("%s %+v", p.State, waits)
	}

	s.Call.Attempt, s.Call.LastError = 3, "status 503"
	p = describe(t, s)
	waits = p.Steps[1]
	if p.State != process.Retrying || waits.Attempt != 3 || waits.LastError != "status 503" || !waits.NextAttempt.Equal(s.Call.Due) {
		t.Errorf("%s %+v", p.State, waits)
	}

	s.Now = s.Deadline.Due.Add(time.Minute)
	if p = describe(t, s); p.State != process.Stuck {
		t.Errorf("a minute past its deadline it is %s", p.State)
	}
}

// An event stands below its cause, in whatever service that is, and two of one cause side by side.
func TestTree(t *testing.T) {
	t.Parallel()
	s := story(t, placed, reserved, toPay, authorize, authorized, confirmed)
	s.Payment[1].Metadata.CausationID = s.Payment[0].ID.String()
	s.Order[1].Metadata.CausationID = s.Order[0].ID.String() // as if placing had two effects
	p := describe(t, s)
	var got []string
	for _, e := range p.Events {
		got = append(got, fmt.Sprint(e.Depth, " ", e.Service, " ", e.Type, " ", e.OffsetMS))
	}
	want := []string{
		"0 orders OrderPlaced 0", "1 inventory StockReserved 10", "1 orders OrderPaymentRequested 20",
		"2 payments PaymentAuthorizationRequested 30", "3 payments PaymentAuthorized 40", "4 orders OrderConfirmed 50",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
	if p.CorrelationID != "story" || p.DurationMS != 50 || p.Events[1].Step != "some_step" {
		t.Errorf("%+v", p)
	}
}

func TestDescribeRefusesNonsense(t *testing.T) {
	t.Parallel()
	if _, err := process.Describe(process.Story{}); err == nil {
		t.Error("nothing is described")
	}
	s := story(t, placed, reserved)
	s.Order = append(s.Order, s.Reservation...)
	if _, err := process.Describe(s); err == nil {
		t.Error("a stock event in an order's stream is described")
	}
}
