package customerorders

import (
	"errors"
	"time"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/projections"
)

// Order is one row.
type Order struct {
	ID         order.ID         `json:"id"`
	CustomerID string           `json:"customer_id"`
	Bought     bool             `json:"bought"` // confirmed, and not undone since
	Total      aggregates.Money `json:"total"`
	PlacedAt   time.Time        `json:"placed_at"`
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
		o.ID, o.CustomerID, o.Total = p.OrderID, p.CustomerID, p.Total
		o.PlacedAt = p.At.UTC().Truncate(time.Microsecond) // as the database gives it back
	case order.Confirmed:
		o.Bought = true
	case order.CompensationStarted, order.CancellationRequested, order.Rejected, order.Cancelled:
		o.Bought = false
	case order.PaymentRequested, order.CompensationAdvanced, order.ShipmentRequested, order.CommitRequested, order.Shipped,
		order.AttentionNeeded, order.RetryRequested:
		// bought, or not, as before
	default:
		return o, &projections.UnhandledEventError{Type: p.EventType()}
	}
	o.Mark = mark
	return o, nil
}

// bought is what an order adds to the sums of its customer.
func bought(o Order) []projections.Share {
	if o.ID == "" {
		return nil
	}
	share := projections.Share{Key: [3]string{o.CustomerID, o.Total.Currency}, Amounts: [3]int64{1, 0, 0}}
	if o.Bought {
		share.Amounts = [3]int64{1, 1, o.Total.Amount}
	}
	return []projections.Share{share}
}
