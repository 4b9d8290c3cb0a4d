package stock

import (
	"time"

	"github.com/ordo-platform/ordo/aggregates"
)

// Event is anything that happens to the stock of a SKU.
type Event interface {
	aggregates.Event
	isEvent()
}

// Received: pieces were delivered.
type Received struct {
	SKU       SKU       `json:"sku"`
	Quantity  int64     `json:"quantity"`
	Reference string    `json:"reference"`
	At        time.Time `json:"at"`
}

// Adjusted: the count was corrected.
type Adjusted struct {
	SKU    SKU       `json:"sku"`
	Delta  int64     `json:"delta"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
}

// ShortageRecorded: so many of the pieces that orders hold are not there. The count itself is corrected by the Adjusted
// beside it. A shortage ends as counts change: by deliveries, by orders that give their pieces back, by pieces found.
type ShortageRecorded struct {
	SKU     SKU       `json:"sku"`
	Missing int64     `json:"missing"` // in all, not only since the last one
	Reason  string    `json:"reason"`
	At      time.Time `json:"at"`
}

// Allocated: pieces are set aside for an order.
type Allocated struct {
	SKU      SKU       `json:"sku"`
	OrderID  string    `json:"order_id"`
	Quantity int64     `json:"quantity"`
	At       time.Time `json:"at"`
}

// Deallocated: pieces that were set aside are available again.
type Deallocated struct {
	SKU      SKU       `json:"sku"`
	OrderID  string    `json:"order_id"`
	Quantity int64     `json:"quantity"`
	At       time.Time `json:"at"`
}

// Dispatched: pieces that were set aside for an order have left.
type Dispatched struct {
	SKU      SKU       `json:"sku"`
	OrderID  string    `json:"order_id"`
	Quantity int64     `json:"quantity"`
	At       time.Time `json:"at"`
}

func (Received) isEvent()         {}
func (Adjusted) isEvent()         {}
func (ShortageRecorded) isEvent() {}
func (Allocated) isEvent()        {}
func (Deallocated) isEvent()      {}
func (Dispatched) isEvent()       {}

// EventType implements aggregates.Event.
func (Received) EventType() string { return "StockReceived" }

// EventType implements aggregates.Event.
func (Adjusted) EventType() string { return "StockAdjusted" }

// EventType implements aggregates.Event.
func (ShortageRecorded) EventType() string { return "StockShortageRecorded" }

// EventType implements aggregates.Event.
func (Allocated) EventType() string { return "StockAllocated" }

// EventType implements aggregates.Event.
func (Deallocated) EventType() string { return "StockDeallocated" }

// EventType implements aggregates.Event.
func (Dispatched) EventType() string { return "StockDispatched" }
