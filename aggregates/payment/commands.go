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

// Capture records the intent to take the money that is held. After a definite no it takes a higher attempt to try again.
type Capture struct {
	OrderID string
	Attempt int // from 1
	At      time.Time
}

// RecordCaptured records that the money is taken. Key is that of the intent that is answered, here and below.
type RecordCaptured struct {
	OrderID string
	Key     string
	At      time.Time
}

// RecordCaptureRefused records a definite no: no money was taken, or will be for this intent.
type RecordCaptureRefused struct {
	OrderID string
	Key     string
	Reason  string // the provider's code
	At      time.Time
}

// Undo asks for no money to be held or taken: what is held is voided, what is taken is refunded, and what is not known
// yet is waited for. After a definite no it takes a higher attempt to try again.
type Undo struct {
	OrderID string
	Attempt int // from 1
	At      time.Time
}

// RecordVoided records that nothing is held any more.
type RecordVoided struct {
	OrderID string
	Key     string
	At      time.Time
}

// RecordVoidRefused records a definite no: the money is still held, as far as anybody knows.
type RecordVoidRefused struct {
	OrderID string
	Key     string
	Reason  string // the provider's code
	At      time.Time
}

// RecordRefunded records that the money has been given back.
type RecordRefunded struct {
	OrderID string
	Key     string
	At      time.Time
}

// RecordRefundRefused records a definite no: the money is still taken.
type RecordRefundRefused struct {
	OrderID string
	Key     string
	Reason  string // the provider's code
	At      time.Time
}

func (Request) isCommand()              {}
func (RecordAuthorized) isCommand()     {}
func (RecordDeclined) isCommand()       {}
func (Capture) isCommand()              {}
func (RecordCaptured) isCommand()       {}
func (RecordCaptureRefused) isCommand() {}
func (Undo) isCommand()                 {}
func (RecordVoided) isCommand()         {}
func (RecordVoidRefused) isCommand()    {}
func (RecordRefunded) isCommand()       {}
func (RecordRefundRefused) isCommand()  {}

// Stream implements aggregates.Command.
func (c Request) Stream() string { return Stream(c.OrderID) }

// Stream implements aggregates.Command.
func (c RecordAuthorized) Stream() string { return Stream(c.OrderID) }

// Stream implements aggregates.Command.
func (c RecordDeclined) Stream() string { return Stream(c.OrderID) }

// Stream implements aggregates.Command.
func (c Capture) Stream() string { return Stream(c.OrderID) }

// Stream implements aggregates.Command.
func (c RecordCaptured) Stream() string { return Stream(c.OrderID) }

// Stream implements aggregates.Command.
func (c RecordCaptureRefused) Stream() string { return Stream(c.OrderID) }

// Stream implements aggregates.Command.
func (c Undo) Stream() string { return Stream(c.OrderID) }

// Stream implements aggregates.Command.
func (c RecordVoided) Stream() string { return Stream(c.OrderID) }

// Stream implements aggregates.Command.
func (c RecordVoidRefused) Stream() string { return Stream(c.OrderID) }

// Stream implements aggregates.Command.
func (c RecordRefunded) Stream() string { return Stream(c.OrderID) }

// Stream implements aggregates.Command.
func (c RecordRefundRefused) Stream() string { return Stream(c.OrderID) }
