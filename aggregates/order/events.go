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

func (Placed) isEvent()               {}
func (PaymentRequested) isEvent()     {}
func (Confirmed) isEvent()            {}
func (Rejected) isEvent()             {}
func (CompensationStarted) isEvent()  {}
func (CompensationAdvanced) isEvent() {}

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
