package order

import (
	"time"

	"github.com/ordo-platform/ordo/aggregates"
)

// Event is anything that happens to an order.
type Event interface {
	aggregates.Event
	isEvent()
}

// Placed: the customer ordered, at these prices. Nothing is reserved or paid yet.
type Placed struct {
	OrderID       ID               `json:"order_id"`
	CustomerID    string           `json:"customer_id"`
	Lines         []Line           `json:"lines"`
	Total         aggregates.Money `json:"total"`
	PaymentMethod string           `json:"payment_method"`
	At            time.Time        `json:"at"`
}

// PaymentRequested: the stock is reserved, now the payment is wanted.
type PaymentRequested struct {
	OrderID       ID               `json:"order_id"`
	Amount        aggregates.Money `json:"amount"`
	PaymentMethod string           `json:"payment_method"`
	At            time.Time        `json:"at"`
}

// Confirmed: stock is reserved and payment authorised.
type Confirmed struct {
	OrderID ID        `json:"order_id"`
	At      time.Time `json:"at"`
}

// Rejected: the order ended without effect; whatever had been done for it is undone.
type Rejected struct {
	OrderID   ID         `json:"order_id"`
	Reason    Reason     `json:"reason"`
	Shortages []Shortage `json:"shortages,omitempty"`
	At        time.Time  `json:"at"`
}

// CompensationStarted: a step failed, so the steps in Undo have to be undone, in that order. The owner of the first one
// acts on this event; the owners of later ones on the [CompensationAdvanced] that names theirs as next.
type CompensationStarted struct {
	OrderID ID        `json:"order_id"`
	Reason  Reason    `json:"reason"`
	Detail  string    `json:"detail,omitempty"`
	Undo    []Step    `json:"undo"`
	Lines   []Item    `json:"lines"` // what was reserved, for the one who releases it
	At      time.Time `json:"at"`
}

// CompensationAdvanced: one step is undone, the next one is wanted.
type CompensationAdvanced struct {
	OrderID ID        `json:"order_id"`
	Undone  Step      `json:"undone"`
	Next    Step      `json:"next"`
	Lines   []Item    `json:"lines"`
	At      time.Time `json:"at"`
}

// ShipmentRequested: the order is to leave. First its payment has to be captured.
type ShipmentRequested struct {
	OrderID ID `json:"order_id"`
	Shipment
	At time.Time `json:"at"`
}

// CommitRequested: the payment is captured, now the reserved pieces are to be taken out of the stock.
type CommitRequested struct {
	OrderID ID        `json:"order_id"`
	Lines   []Item    `json:"lines"`
	At      time.Time `json:"at"`
}

// Shipped: the order has left, its payment is captured. The end.
type Shipped struct {
	OrderID ID `json:"order_id"`
	Shipment
	At time.Time `json:"at"`
}

// CancellationRequested: somebody wants the order undone, or time ran out. As with [CompensationStarted], the steps in
// Undo have to be undone in that order, and the owner of the first acts on this event.
type CancellationRequested struct {
	OrderID ID        `json:"order_id"`
	Reason  Reason    `json:"reason"`
	Detail  string    `json:"detail"` // in words
	Undo    []Step    `json:"undo"`
	Lines   []Item    `json:"lines"`
	At      time.Time `json:"at"`
}

// Cancelled: the order ended without effect because somebody wanted it or time ran out; all that was done is undone.
type Cancelled struct {
	OrderID ID        `json:"order_id"`
	Reason  Reason    `json:"reason"`
	At      time.Time `json:"at"`
}

// AttentionNeeded: what the order waits for was refused, or is overdue, and cannot simply be undone. An answer that comes
// late is still taken; else somebody has to look at it and ask for another try.
type AttentionNeeded struct {
	OrderID ID `json:"order_id"`
	Wait
	Cause  Cause     `json:"cause"`
	Detail string    `json:"detail,omitempty"`
	At     time.Time `json:"at"`
}

// RetryRequested: an operator wants the step that the order waits for tried again. Its owner acts on this event.
type RetryRequested struct {
	OrderID ID `json:"order_id"`
	Wait
	Reason string    `json:"reason"` // the operator's
	Lines  []Item    `json:"lines"`
	At     time.Time `json:"at"`
}

// Awaits returns what an event makes its order wait for, if anything.
func Awaits(e Event) (ID, Wait, bool) {
	switch e := e.(type) {
	case Placed:
		return e.OrderID, Wait{StepReserveStock, 1}, true
	case PaymentRequested:
		return e.OrderID, Wait{StepAuthorizePayment, 1}, true
	case ShipmentRequested:
		return e.OrderID, Wait{StepCapturePayment, 1}, true
	case CommitRequested:
		return e.OrderID, Wait{StepCommitStock, 1}, true
	case CompensationStarted:
		return e.OrderID, Wait{e.Undo[0].UndoneBy(), 1}, true
	case CancellationRequested:
		return e.OrderID, Wait{e.Undo[0].UndoneBy(), 1}, true
	case CompensationAdvanced:
		return e.OrderID, Wait{e.Next.UndoneBy(), 1}, true
	case RetryRequested:
		return e.OrderID, e.Wait, true
	case Confirmed, Shipped, Rejected, Cancelled, AttentionNeeded:
	}
	return "", Wait{}, false
}

// Answers returns what an order waits for no more once an event has happened, as far as the event alone tells: that it went well at
// the first try. It is not the only thing that ends a wait.
func Answers(e Event) (ID, Wait, bool) {
	switch e := e.(type) {
	case PaymentRequested:
		return e.OrderID, Wait{StepReserveStock, 1}, true
	case Confirmed:
		return e.OrderID, Wait{StepAuthorizePayment, 1}, true
	case CommitRequested:
		return e.OrderID, Wait{StepCapturePayment, 1}, true
	case Shipped:
		return e.OrderID, Wait{StepCommitStock, 1}, true
	case Placed, ShipmentRequested, CompensationStarted, CancellationRequested, CompensationAdvanced, RetryRequested,
		Rejected, Cancelled, AttentionNeeded:
	}
	return "", Wait{}, false
}

func (Placed) isEvent()                {}
func (PaymentRequested) isEvent()      {}
func (Confirmed) isEvent()             {}
func (Rejected) isEvent()              {}
func (CompensationStarted) isEvent()   {}
func (CompensationAdvanced) isEvent()  {}
func (ShipmentRequested) isEvent()     {}
func (CommitRequested) isEvent()       {}
func (Shipped) isEvent()               {}
func (CancellationRequested) isEvent() {}
func (Cancelled) isEvent()             {}
func (AttentionNeeded) isEvent()       {}
func (RetryRequested) isEvent()        {}

// EventType implements aggregates.Event.
func (Placed) EventType() string { return "OrderPlaced" }

// EventType implements aggregates.Event.
func (PaymentRequested) EventType() string { return "OrderPaymentRequested" }

// EventType implements aggregates.Event.
func (Confirmed) EventType() string { return "OrderConfirmed" }

// EventType implements aggregates.Event.
func (Rejected) EventType() string { return "OrderRejected" }

// EventType implements aggregates.Event.
func (CompensationStarted) EventType() string { return "OrderCompensationStarted" }

// EventType implements aggregates.Event.
func (CompensationAdvanced) EventType() string { return "OrderCompensationAdvanced" }

// EventType implements aggregates.Event.
func (ShipmentRequested) EventType() string { return "OrderShipmentRequested" }

// EventType implements aggregates.Event.
func (CommitRequested) EventType() string { return "OrderCommitRequested" }

// EventType implements aggregates.Event.
func (Shipped) EventType() string { return "OrderShipped" }

// EventType implements aggregates.Event.
func (CancellationRequested) EventType() string { return "OrderCancellationRequested" }

// EventType implements aggregates.Event.
func (Cancelled) EventType() string { return "OrderCancelled" }

// EventType implements aggregates.Event.
func (AttentionNeeded) EventType() string { return "OrderAttentionNeeded" }

// EventType implements aggregates.Event.
func (RetryRequested) EventType() string { return "OrderRetryRequested" }
