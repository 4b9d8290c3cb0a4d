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

// Committed: the pieces have left. Nothing is set aside any more.
type Committed struct {
	OrderID string    `json:"order_id"`
	Lines   []Line    `json:"lines"`
	At      time.Time `json:"at"`
}

// Cancelled: a release came before anything was reserved. It is remembered, so that nothing will be.
type Cancelled struct {
	OrderID string    `json:"order_id"`
	At      time.Time `json:"at"`
}

func (Reserved) isEvent()  {}
func (Refused) isEvent()   {}
func (Released) isEvent()  {}
func (Committed) isEvent() {}
func (Cancelled) isEvent() {}

// EventType implements aggregates.Event.
func (Reserved) EventType() string { return "StockReserved" }

// EventType implements aggregates.Event.
func (Refused) EventType() string { return "StockRefused" }

// EventType implements aggregates.Event.
func (Released) EventType() string { return "StockReleased" }

// EventType implements aggregates.Event.
func (Committed) EventType() string { return "StockCommitted" }

// EventType implements aggregates.Event.
func (Cancelled) EventType() string { return "StockReservationCancelled" }
