package product

import (
	"time"

	"github.com/ordo-platform/ordo/aggregates"
)

// Event is anything that happens to a product.
type Event interface {
	aggregates.Event
	isEvent()
}

// Listed: the product can be ordered from now on (first time, or again).
type Listed struct {
	SKU   SKU              `json:"sku"`
	Name  string           `json:"name"`
	Price aggregates.Money `json:"price"`
	At    time.Time        `json:"at"`
}

// Renamed: it has a new name.
type Renamed struct {
	SKU  SKU       `json:"sku"`
	Name string    `json:"name"`
	At   time.Time `json:"at"`
}

// Repriced: it has a new price. Orders placed before keep theirs.
type Repriced struct {
	SKU   SKU              `json:"sku"`
	Price aggregates.Money `json:"price"`
	At    time.Time        `json:"at"`
}

// Discontinued: it cannot be ordered any more.
type Discontinued struct {
	SKU SKU       `json:"sku"`
	At  time.Time `json:"at"`
}

func (Listed) isEvent()       {}
func (Renamed) isEvent()      {}
func (Repriced) isEvent()     {}
func (Discontinued) isEvent() {}

// EventType implements aggregates.Event.
func (Listed) EventType() string { return "ProductListed" }

// EventType implements aggregates.Event.
func (Renamed) EventType() string { return "ProductRenamed" }

// EventType implements aggregates.Event.
func (Repriced) EventType() string { return "ProductRepriced" }

// EventType implements aggregates.Event.
func (Discontinued) EventType() string { return "ProductDiscontinued" }
