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

// Release gives everything back.
type Release struct {
	OrderID string
	At      time.Time
}

func (Reserve) isCommand() {}
func (Refuse) isCommand()  {}
func (Release) isCommand() {}

// Stream implements aggregates.Command.
func (c Reserve) Stream() string { return Stream(c.OrderID) }

// Stream implements aggregates.Command.
func (c Refuse) Stream() string { return Stream(c.OrderID) }

// Stream implements aggregates.Command.
func (c Release) Stream() string { return Stream(c.OrderID) }
