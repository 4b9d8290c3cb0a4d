package customer

import (
	"time"

	"github.com/ordo-platform/ordo/aggregates"
)

// Event is anything that happens to a customer.
type Event interface {
	aggregates.Event
	isEvent()
}

// Registered: the customer is known and may order.
type Registered struct {
	CustomerID ID        `json:"customer_id"`
	Name       string    `json:"name"`
	Email      string    `json:"email"`
	At         time.Time `json:"at"`
}

// Blocked: the customer may not order.
type Blocked struct {
	CustomerID ID        `json:"customer_id"`
	At         time.Time `json:"at"`
}

// Unblocked: the customer may order again.
type Unblocked struct {
	CustomerID ID        `json:"customer_id"`
	At         time.Time `json:"at"`
}

func (Registered) isEvent() {}
func (Blocked) isEvent()    {}
func (Unblocked) isEvent()  {}

// EventType implements aggregates.Event.
func (Registered) EventType() string { return "CustomerRegistered" }

// EventType implements aggregates.Event.
func (Blocked) EventType() string { return "CustomerBlocked" }

// EventType implements aggregates.Event.
func (Unblocked) EventType() string { return "CustomerUnblocked" }
