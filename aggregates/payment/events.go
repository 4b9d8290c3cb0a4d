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

// CaptureRequested: the intent to take what is held. From here on the provider may have been called under Key.
type CaptureRequested struct {
	OrderID         string           `json:"order_id"`
	Amount          aggregates.Money `json:"amount"`
	AuthorizationID string           `json:"authorization_id"`
	Key             string           `json:"key"`
	Attempt         int              `json:"attempt"`
	At              time.Time        `json:"at"`
}

// Captured: the money is taken.
type Captured struct {
	OrderID string           `json:"order_id"`
	Amount  aggregates.Money `json:"amount"`
	At      time.Time        `json:"at"`
}

// CaptureRefused: the provider took no money, definitely.
type CaptureRefused struct {
	OrderID string    `json:"order_id"`
	Reason  string    `json:"reason"`
	Attempt int       `json:"attempt"`
	At      time.Time `json:"at"`
}

// RetryRequested: what the open call is for is wanted again, as a later attempt. The call goes on; its answer counts for
// that attempt.
type RetryRequested struct {
	OrderID string    `json:"order_id"`
	Attempt int       `json:"attempt"`
	At      time.Time `json:"at"`
}

// UndoRequested: the payment is to be undone, once it is known what became of the call that is open. No call follows yet.
type UndoRequested struct {
	OrderID string    `json:"order_id"`
	Attempt int       `json:"attempt"`
	At      time.Time `json:"at"`
}

// VoidRequested: the intent to let go of what is held. From here on the provider may have been called under Key.
type VoidRequested struct {
	OrderID         string    `json:"order_id"`
	AuthorizationID string    `json:"authorization_id"`
	Key             string    `json:"key"`
	Attempt         int       `json:"attempt"`
	At              time.Time `json:"at"`
}

// Voided: nothing is held or taken, or ever will be. That may be because nothing ever was.
type Voided struct {
	OrderID string    `json:"order_id"`
	At      time.Time `json:"at"`
}

// VoidRefused: the provider does not let go, definitely.
type VoidRefused struct {
	OrderID string    `json:"order_id"`
	Reason  string    `json:"reason"`
	Attempt int       `json:"attempt"`
	At      time.Time `json:"at"`
}

// RefundRequested: the intent to give back what was taken. From here on the provider may have been called under Key.
type RefundRequested struct {
	OrderID         string           `json:"order_id"`
	Amount          aggregates.Money `json:"amount"`
	AuthorizationID string           `json:"authorization_id"`
	Key             string           `json:"key"`
	Attempt         int              `json:"attempt"`
	At              time.Time        `json:"at"`
}

// Refunded: what was taken has been given back.
type Refunded struct {
	OrderID string           `json:"order_id"`
	Amount  aggregates.Money `json:"amount"`
	At      time.Time        `json:"at"`
}

// RefundRefused: the provider does not give back, definitely.
type RefundRefused struct {
	OrderID string    `json:"order_id"`
	Reason  string    `json:"reason"`
	Attempt int       `json:"attempt"`
	At      time.Time `json:"at"`
}

func (AuthorizationRequested) isEvent() {}
func (Authorized) isEvent()             {}
func (Declined) isEvent()               {}
func (CaptureRequested) isEvent()       {}
func (Captured) isEvent()               {}
func (CaptureRefused) isEvent()         {}
func (RetryRequested) isEvent()         {}
func (UndoRequested) isEvent()          {}
func (VoidRequested) isEvent()          {}
func (Voided) isEvent()                 {}
func (VoidRefused) isEvent()            {}
func (RefundRequested) isEvent()        {}
func (Refunded) isEvent()               {}
func (RefundRefused) isEvent()          {}

// EventType implements aggregates.Event.
func (AuthorizationRequested) EventType() string { return "PaymentAuthorizationRequested" }

// EventType implements aggregates.Event.
func (Authorized) EventType() string { return "PaymentAuthorized" }

// EventType implements aggregates.Event.
func (Declined) EventType() string { return "PaymentDeclined" }

// EventType implements aggregates.Event.
func (CaptureRequested) EventType() string { return "PaymentCaptureRequested" }

// EventType implements aggregates.Event.
func (Captured) EventType() string { return "PaymentCaptured" }

// EventType implements aggregates.Event.
func (CaptureRefused) EventType() string { return "PaymentCaptureRefused" }

// EventType implements aggregates.Event.
func (UndoRequested) EventType() string { return "PaymentUndoRequested" }

// EventType implements aggregates.Event.
func (VoidRequested) EventType() string { return "PaymentVoidRequested" }

// EventType implements aggregates.Event.
func (Voided) EventType() string { return "PaymentVoided" }

// EventType implements aggregates.Event.
func (VoidRefused) EventType() string { return "PaymentVoidRefused" }

// EventType implements aggregates.Event.
func (RefundRequested) EventType() string { return "PaymentRefundRequested" }

// EventType implements aggregates.Event.
func (Refunded) EventType() string { return "PaymentRefunded" }

// EventType implements aggregates.Event.
func (RefundRefused) EventType() string { return "PaymentRefundRefused" }

// EventType implements aggregates.Event.
func (RetryRequested) EventType() string { return "PaymentRetryRequested" }
