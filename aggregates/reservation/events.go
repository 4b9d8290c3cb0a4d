package reservation

import (
	"time"

	"github.com/ordo-platform/ordo/aggregates"
)

// Event is anything that happens to a reservation.
type Event interface {
	aggregates.Event
	isEvent()
}

// Reserved: every line of the order is set aside.
type Reserved struct {
	OrderID string    `json:"order_id"`
	Lines   []Line    `json:"lines"`
	At      time.Time `json:"at"`
}

// Refused: something was short, so nothing is set aside.
type Refused struct {
	OrderID   string     `json:"order_id"`
	Shortages []Shortage `json:"shortages"`
	At        time.Time  `json:"at"`
}

// Released: everything that was set aside is available again.
type Released struct {
	OrderID string    `json:"order_id"`
	Lines   []Line    `json:"lines"`
	At      time.Time `json:"at"`
}

func (Reserved) isEvent() {}
func (Refused) isEvent()  {}
func (Released) isEvent() {}

// EventType implements aggregates.Event.
func (Reserved) EventType() string { return "StockReserved" }

// EventType implements aggregates.Event.
func (Refused) EventType() string { return "StockRefused" }

// EventType implements aggregates.Event.
func (Released) EventType() string { return "StockReleased" }
