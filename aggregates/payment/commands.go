package payment

import (
	"time"

	"github.com/ordo-platform/ordo/aggregates"
)

// Command is anything a payment decides on.
type Command interface {
	aggregates.Command
	isCommand()
}

// Request records the intent to authorise, before the provider is called.
type Request struct {
	OrderID string
	Amount  aggregates.Money
	Method  string
	At      time.Time
}

// RecordAuthorized records that the provider holds the money.
type RecordAuthorized struct {
	OrderID         string
	AuthorizationID string // the provider's
	At              time.Time
}

// RecordDeclined records the provider's definite no.
type RecordDeclined struct {
	OrderID string
	Reason  string // the provider's code
	At      time.Time
}

func (Request) isCommand()          {}
func (RecordAuthorized) isCommand() {}
func (RecordDeclined) isCommand()   {}

// Stream implements aggregates.Command.
func (c Request) Stream() string { return Stream(c.OrderID) }

// Stream implements aggregates.Command.
func (c RecordAuthorized) Stream() string { return Stream(c.OrderID) }

// Stream implements aggregates.Command.
func (c RecordDeclined) Stream() string { return Stream(c.OrderID) }
