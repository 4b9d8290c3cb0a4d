package stocklevels

import (
	"fmt"
	"math"

	"github.com/ordo-platform/ordo/aggregates/stock"
	"github.com/ordo-platform/ordo/projections"
)

// Level is one row: how many pieces of a SKU there are.
type Level struct {
	SKU      stock.SKU `json:"sku"`
	OnHand   int64     `json:"on_hand"`
	Reserved int64     `json:"reserved"` // part of OnHand, but for a shortage
	projections.Mark
}

// Available is what can still be promised.
func (l Level) Available() int64 { return max(0, l.OnHand-l.Reserved) }

// Short is what is promised and not there.
func (l Level) Short() int64 { return max(0, l.Reserved-l.OnHand) }

// Key implements [projections.Model]: each SKU has a row, fed by all events of its stock.
func Key(e projections.Event) (string, bool) {
	_, ok := e.Payload.(stock.Event)
	return e.Stream.Key(), ok
}

// Apply implements [projections.Model].
func Apply(l Level, e projections.Event) (Level, error) {
	mark, err := l.Next(e)
	if err != nil {
		return l, err
	}

	var onHand, reserved int64
	switch p := e.Payload.(type) {
	case stock.Received:
		l.SKU, onHand = p.SKU, p.Quantity
	case stock.Adjusted:
		l.SKU, onHand = p.SKU, p.Delta
	case stock.ShortageRecorded: // of the counts as they are
	case stock.Allocated:
		l.SKU, reserved = p.SKU, p.Quantity
	case stock.Deallocated:
		l.SKU, reserved = p.SKU, -p.Quantity
	case stock.Dispatched:
		l.SKU, onHand, reserved = p.SKU, -p.Quantity, -p.Quantity
	default:
		return l, &projections.UnhandledEventError{Type: p.EventType()}
	}
	// The sums are of numbers from 0 on, so only a positive change can overflow.
	if onHand > math.MaxInt64-l.OnHand || reserved > math.MaxInt64-l.Reserved {
		return l, fmt.Errorf("counts overflow: %d on hand, %d reserved", l.OnHand, l.Reserved)
	}
	l.OnHand += onHand
	l.Reserved += reserved
	if l.OnHand < 0 || l.Reserved < 0 || reserved > 0 && l.Short() > 0 {
		return l, fmt.Errorf("counts cannot be: %d on hand, %d reserved", l.OnHand, l.Reserved)
	}
	l.Mark = mark
	return l, nil
}
