package order

import (
	"time"

	"github.com/ordo-platform/ordo/aggregates"
)

// Command is anything an order decides on.
type Command interface {
	aggregates.Command
	isCommand()
}

// Place asks for a new order. Prices are those of the catalog at that moment; the client never sends them.
type Place struct {
	OrderID       ID
	CustomerID    string
	Lines         []Line
	PaymentMethod string
	At            time.Time
}

// RequestPayment asks for the order's payment, once its stock is reserved.
type RequestPayment struct {
	OrderID ID
	At      time.Time
}

// Confirm ends the order well: stock is reserved and payment authorised.
type Confirm struct {
	OrderID ID
	At      time.Time
}

// Reject ends an order for which nothing has to be undone: its stock was refused.
type Reject struct {
	OrderID   ID
	Reason    Reason
	Shortages []Shortage // what was missing, when the reason is ReasonOutOfStock
	At        time.Time
}

// Compensate starts undoing what was done, the last step first: its payment was declined.
type Compensate struct {
	OrderID ID
	Reason  Reason
	Detail  string
	At      time.Time
}

// RecordUndone tells that one step has been undone. The next one is asked for, or the order ends.
type RecordUndone struct {
	OrderID ID
	Step    Step
	At      time.Time
}

func (Place) isCommand()          {}
func (RequestPayment) isCommand() {}
func (Confirm) isCommand()        {}
func (Reject) isCommand()         {}
func (Compensate) isCommand()     {}
func (RecordUndone) isCommand()   {}

// Stream implements aggregates.Command.
func (c Place) Stream() string { return Stream(c.OrderID) }

// Stream implements aggregates.Command.
func (c RequestPayment) Stream() string { return Stream(c.OrderID) }

// Stream implements aggregates.Command.
func (c Confirm) Stream() string { return Stream(c.OrderID) }

// Stream implements aggregates.Command.
func (c Reject) Stream() string { return Stream(c.OrderID) }

// Stream implements aggregates.Command.
func (c Compensate) Stream() string { return Stream(c.OrderID) }

// Stream implements aggregates.Command.
func (c RecordUndone) Stream() string { return Stream(c.OrderID) }
