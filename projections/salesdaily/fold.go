package salesdaily

import (
	"errors"
	"time"

	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/projections"
)

// Order is one row: what an order adds to the sales of a day, while it counts.
type Order struct {
	ID      order.ID     `json:"id"`
	Day     string       `json:"day"` // 2006-01-02
	Counted bool         `json:"counted"`
	Lines   []order.Line `json:"lines"`
	projections.Mark
}

// Key implements [projections.Model]: each order has a row, fed by all of its events.
func Key(e projections.Event) (string, bool) {
	_, ok := e.Payload.(order.Event)
	return e.Stream.Key(), ok
}

// Apply implements [projections.Model].
func Apply(o Order, e projections.Event) (Order, error) {
	mark, err := o.Next(e)
	if err != nil {
		return o, err
	}
	if _, placed := e.Payload.(order.Placed); placed != (mark.Version == 1) {
		return o, errors.New("an order begins with being placed, and is placed once")
	}
	switch p := e.Payload.(type) {
	case order.Placed:
		o.ID, o.Day, o.Lines = p.OrderID, p.At.UTC().Format(time.DateOnly), p.Lines
	case order.Confirmed:
		o.Counted = true
	case order.CompensationStarted, order.CancellationRequested, order.Rejected, order.Cancelled:
		o.Counted = false
	case order.PaymentRequested, order.CompensationAdvanced, order.ShipmentRequested, order.CommitRequested, order.Shipped,
		order.AttentionNeeded, order.RetryRequested:
		// sold, or not, as before
	default:
		return o, &projections.UnhandledEventError{Type: p.EventType()}
	}
	o.Mark = mark
	return o, nil
}

// sold is what an order adds to the sums of its day.
func sold(o Order) []projections.Share {
	if !o.Counted {
		return nil
	}
	shares := make([]projections.Share, len(o.Lines))
	for i, line := range o.Lines {
		shares[i] = projections.Share{
			Key:     [3]string{o.Day, line.SKU, line.UnitPrice.Currency},
			Amounts: [3]int64{1, line.Quantity, line.Quantity * line.UnitPrice.Amount},
		}
	}
	return shares
}
