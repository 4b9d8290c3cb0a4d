package orderview

import (
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/projections"
)

// Order is one row. Times are those the events carry, in UTC and in the microseconds the database keeps.
type Order struct {
	ID             order.ID         `json:"id"`
	CustomerID     string           `json:"customer_id"`
	Status         order.Status     `json:"status"`
	Lines          []order.Line     `json:"lines"`
	Total          aggregates.Money `json:"total"`
	PaymentMethod  string           `json:"payment_method"`
	Reason         order.Reason     `json:"reason"`    // why it is being undone or ended without effect
	Detail         string           `json:"detail"`    // the same in words
	Shortages      []order.Shortage `json:"shortages"` // what was missing, when it was rejected for that
	order.Shipment                  // empty until it is asked for
	PlacedAt       time.Time        `json:"placed_at"`
	UpdatedAt      time.Time        `json:"updated_at"`
	History        []Entry          `json:"history"` // oldest first; not loaded by List
	projections.Mark
}

// Entry is one event of an order's history.
type Entry struct {
	Type     string              `json:"type"`
	Version  eventstore.Version  `json:"version"`
	Position eventstore.Position `json:"position"`
	EventID  uuid.UUID           `json:"event_id"`
	At       time.Time           `json:"at"`
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

	var at time.Time
	switch p := e.Payload.(type) {
	case order.Placed:
		at = p.At
		o = Order{
			ID:            p.OrderID,
			CustomerID:    p.CustomerID,
			Status:        order.StatusPlaced,
			Lines:         p.Lines,
			Total:         p.Total,
			PaymentMethod: p.PaymentMethod,
			PlacedAt:      stored(p.At),
		}
	case order.PaymentRequested:
		o.ID, at = p.OrderID, p.At
		o.Status = order.StatusAwaitingPayment
	case order.Confirmed:
		o.ID, at = p.OrderID, p.At
		o.Status = order.StatusConfirmed
	case order.ShipmentRequested:
		o.ID, at = p.OrderID, p.At
		o.Shipment = p.Shipment
	case order.CommitRequested:
		o.ID, at = p.OrderID, p.At
		o.Status = order.StatusConfirmed // again, if it needed attention
	case order.Shipped:
		o.ID, at = p.OrderID, p.At
		o.Status = order.StatusShipped
	case order.CompensationStarted:
		o.ID, at = p.OrderID, p.At
		o.Status, o.Reason, o.Detail = order.StatusCancelling, p.Reason, p.Detail
	case order.CancellationRequested:
		o.ID, at = p.OrderID, p.At
		o.Status, o.Reason, o.Detail = order.StatusCancelling, p.Reason, p.Detail
	case order.CompensationAdvanced:
		o.ID, at = p.OrderID, p.At
		o.Status = order.StatusCancelling // still, or again
	case order.AttentionNeeded:
		o.ID, at = p.OrderID, p.At
		o.Status = order.StatusNeedsAttention
	case order.RetryRequested:
		o.ID, at = p.OrderID, p.At
		o.Status = order.StatusConfirmed
		if p.Step.Undoes() {
			o.Status = order.StatusCancelling
		}
	case order.Cancelled:
		o.ID, at = p.OrderID, p.At
		o.Status, o.Reason = order.StatusCancelled, p.Reason
	case order.Rejected:
		o.ID, at = p.OrderID, p.At
		o.Status, o.Reason, o.Shortages = order.StatusRejected, p.Reason, p.Shortages
	default:
		return o, &projections.UnhandledEventError{Type: p.EventType()}
	}

	o.Mark = mark
	o.UpdatedAt = stored(at)
	// Clipped, so that appending copies: the row that was passed in keeps its history to itself.
	o.History = append(slices.Clip(o.History), Entry{
		Type:     e.Type,
		Version:  e.Version,
		Position: e.Position,
		EventID:  e.ID,
		At:       stored(at),
	})
	return o, nil
}

// stored is t as the database gives it back, so that a row in memory equals the row read again.
func stored(t time.Time) time.Time {
	return t.UTC().Truncate(time.Microsecond)
}
