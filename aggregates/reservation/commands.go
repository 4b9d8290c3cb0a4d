package reservation

import (
	"time"

	"github.com/ordo-platform/ordo/aggregates"
)

// Command is anything a reservation decides on.
type Command interface {
	aggregates.Command
	isCommand()
}

// Reserve records that all lines are set aside; the stock of each SKU records its part in the same append. A reservation
// that has been answered before accepts it with nothing new, which tells the caller to leave the stock alone, too.
type Reserve struct {
	OrderID string
	Lines   []Line
	At      time.Time
}

// Refuse records that the lines could not all be set aside, so none was.
type Refuse struct {
	OrderID   string
	Shortages []Shortage
	At        time.Time
}

// Release gives everything back. It is refused if nothing has been reserved yet: then [Cancel] is what to send.
type Release struct {
	OrderID string
	At      time.Time
}

// Cancel records that a release came first, so that a reserve that comes after it does nothing.
type Cancel struct {
	OrderID string
	At      time.Time
}

// Commit lets the pieces leave.
type Commit struct {
	OrderID string
	At      time.Time
}

func (Reserve) isCommand() {}
func (Refuse) isCommand()  {}
func (Release) isCommand() {}
func (Cancel) isCommand()  {}
func (Commit) isCommand()  {}

// Stream implements aggregates.Command.
func (c Reserve) Stream() string { return Stream(c.OrderID) }

// Stream implements aggregates.Command.
func (c Refuse) Stream() string { return Stream(c.OrderID) }

// Stream implements aggregates.Command.
func (c Release) Stream() string { return Stream(c.OrderID) }

// Stream implements aggregates.Command.
func (c Cancel) Stream() string { return Stream(c.OrderID) }

// Stream implements aggregates.Command.
func (c Commit) Stream() string { return Stream(c.OrderID) }
