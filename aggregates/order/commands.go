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

// Confirm makes the order ready to be shipped: stock is reserved and payment authorised.
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

// Ship asks for a confirmed order to leave. The same shipment again is accepted, nothing new.
type Ship struct {
	OrderID ID
	Shipment
	At time.Time
}

// RequestCommit asks for the stock to leave, once the payment is captured.
type RequestCommit struct {
	OrderID ID
	At      time.Time
}

// CompleteShipment ends the order: its payment is captured and its stock has left.
type CompleteShipment struct {
	OrderID ID
	At      time.Time
}

// Cancel asks for the order to be undone, at any moment before it is being shipped.
type Cancel struct {
	OrderID ID
	Reason  string // in the words of who asks
	At      time.Time
}

// PassDeadline tells that the time for an answer is over. If the order still waits for exactly that, it is cancelled, or
// needs attention where cancelling is no way out; else it was answered before, and nothing is new.
type PassDeadline struct {
	OrderID ID
	Wait
	At time.Time
}

// RecordRefused tells that a step which must not fail was refused, definitely.
type RecordRefused struct {
	OrderID ID
	Wait
	Detail string // in the words of who refused
	At     time.Time
}

// Retry asks for another try of what an order that needs attention waits for. Step may be empty; if it names another step
// than the one that is stuck, the command is refused.
type Retry struct {
	OrderID ID
	Step    Step
	Reason  string // the operator's
	At      time.Time
}

func (Place) isCommand()            {}
func (RequestPayment) isCommand()   {}
func (Confirm) isCommand()          {}
func (Reject) isCommand()           {}
func (Compensate) isCommand()       {}
func (RecordUndone) isCommand()     {}
func (Ship) isCommand()             {}
func (RequestCommit) isCommand()    {}
func (CompleteShipment) isCommand() {}
func (Cancel) isCommand()           {}
func (PassDeadline) isCommand()     {}
func (RecordRefused) isCommand()    {}
func (Retry) isCommand()            {}

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

// Stream implements aggregates.Command.
func (c Ship) Stream() string { return Stream(c.OrderID) }

// Stream implements aggregates.Command.
func (c RequestCommit) Stream() string { return Stream(c.OrderID) }

// Stream implements aggregates.Command.
func (c CompleteShipment) Stream() string { return Stream(c.OrderID) }

// Stream implements aggregates.Command.
func (c Cancel) Stream() string { return Stream(c.OrderID) }

// Stream implements aggregates.Command.
func (c PassDeadline) Stream() string { return Stream(c.OrderID) }

// Stream implements aggregates.Command.
func (c RecordRefused) Stream() string { return Stream(c.OrderID) }

// Stream implements aggregates.Command.
func (c Retry) Stream() string { return Stream(c.OrderID) }
