package stock

import (
	"time"

	"github.com/ordo-platform/ordo/aggregates"
)

// Command is anything the stock of a SKU decides on.
type Command interface {
	aggregates.Command
	isCommand()
}

// Receive takes delivered pieces in. The same reference again is the same delivery: accepted, nothing new.
type Receive struct {
	SKU       SKU
	Quantity  int64
	Reference string
	At        time.Time
}

// Adjust corrects the count, up or down. Below what is reserved it goes only with RecordShortage: then orders have been
// promised pieces that are not there, which is a fact somebody must have meant to report, not a slip of the keyboard.
type Adjust struct {
	SKU            SKU
	Delta          int64
	RecordShortage bool
	Reason         string
	At             time.Time
}

// Allocate sets pieces aside for an order. It is refused when fewer are available. It belongs to a reservation, which
// knows whether this was done before (package reservation).
type Allocate struct {
	SKU      SKU
	OrderID  string
	Quantity int64
	At       time.Time
}

// Deallocate gives an order's pieces back.
type Deallocate struct {
	SKU      SKU
	OrderID  string
	Quantity int64
	At       time.Time
}

// Dispatch lets an order's pieces leave. Pieces that were counted as missing and leave all the same have been found.
type Dispatch struct {
	SKU      SKU
	OrderID  string
	Quantity int64
	At       time.Time
}

func (Receive) isCommand()    {}
func (Adjust) isCommand()     {}
func (Allocate) isCommand()   {}
func (Deallocate) isCommand() {}
func (Dispatch) isCommand()   {}

// Stream implements aggregates.Command.
func (c Receive) Stream() string { return Stream(c.SKU) }

// Stream implements aggregates.Command.
func (c Adjust) Stream() string { return Stream(c.SKU) }

// Stream implements aggregates.Command.
func (c Allocate) Stream() string { return Stream(c.SKU) }

// Stream implements aggregates.Command.
func (c Deallocate) Stream() string { return Stream(c.SKU) }

// Stream implements aggregates.Command.
func (c Dispatch) Stream() string { return Stream(c.SKU) }
