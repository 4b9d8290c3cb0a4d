package payment

import (
	"time"

	"github.com/ordo-platform/ordo/aggregates"
)

// Event is anything that happens to a payment.
type Event interface {
	aggregates.Event
	isEvent()
}

// AuthorizationRequested: the intent. From here on the provider may have been called under Key.
type AuthorizationRequested struct {
	OrderID string           `json:"order_id"`
	Amount  aggregates.Money `json:"amount"`
	Method  string           `json:"payment_method"`
	Key     string           `json:"key"` // idempotency key of every call for this intent
	At      time.Time        `json:"at"`
}

// Authorized: the provider holds the money.
type Authorized struct {
	OrderID         string           `json:"order_id"`
	Amount          aggregates.Money `json:"amount"`
	AuthorizationID string           `json:"authorization_id"`
	At              time.Time        `json:"at"`
}

// Declined: the provider refused, definitely. No money is held.
type Declined struct {
	OrderID string    `json:"order_id"`
	Reason  string    `json:"reason"`
	At      time.Time `json:"at"`
}

func (AuthorizationRequested) isEvent() {}
func (Authorized) isEvent()             {}
func (Declined) isEvent()               {}

// EventType implements aggregates.Event.
func (AuthorizationRequested) EventType() string { return "PaymentAuthorizationRequested" }

// EventType implements aggregates.Event.
func (Authorized) EventType() string { return "PaymentAuthorized" }

// EventType implements aggregates.Event.
func (Declined) EventType() string { return "PaymentDeclined" }
