package fulfilment

import (
	"errors"
	"time"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/aggregates/reservation"
	"github.com/ordo-platform/ordo/aggregates/stock"
	"github.com/ordo-platform/ordo/sagas"
)

// reserveStock sets aside every line of the order, or none and says which SKUs were short.
func reserveStock(e order.Placed, now time.Time) (sagas.Reaction, bool) {
	id := string(e.OrderID)
	lines := make([]reservation.Line, 0, len(e.Lines))
	for _, l := range e.Lines {
		lines = append(lines, reservation.Line{SKU: l.SKU, Quantity: l.Quantity})
	}
	try := []aggregates.Command{reservation.Reserve{OrderID: id, Lines: lines, At: now}}
	for _, l := range lines {
		try = append(try, stock.Allocate{SKU: stock.SKU(l.SKU), OrderID: id, Quantity: l.Quantity, At: now})
	}
	return sagas.Reaction{Try: try, Else: func(refused []sagas.Refusal) []aggregates.Command {
		return []aggregates.Command{reservation.Refuse{OrderID: id, Shortages: shortages(refused), At: now}}
	}}, true
}

func shortages(refused []sagas.Refusal) []reservation.Shortage {
	var short []reservation.Shortage
	for _, r := range refused {
		if insufficient, ok := errors.AsType[*stock.InsufficientError](r.Err); ok {
			short = append(short, reservation.Shortage{SKU: string(insufficient.SKU), Requested: insufficient.Requested, Available: insufficient.Available})
		}
	}
	return short
}

// commitStock lets the pieces leave that reserveStock has set aside.
func commitStock(e order.CommitRequested, now time.Time) (sagas.Reaction, bool) {
	return commit(e.OrderID, e.Lines, now), true
}

func commit(id order.ID, lines []order.Item, now time.Time) sagas.Reaction {
	try := []aggregates.Command{reservation.Commit{OrderID: string(id), At: now}}
	for _, l := range lines {
		try = append(try, stock.Dispatch{SKU: stock.SKU(l.SKU), OrderID: string(id), Quantity: l.Quantity, At: now})
	}
	return sagas.Reaction{Try: try}
}

// releaseStock undoes reserveStock when a later step failed.
func releaseStock(e order.CompensationStarted, now time.Time) (sagas.Reaction, bool) {
	return release(e.OrderID, e.Lines, now), e.Undo[0] == order.StepReserveStock
}

// releaseOnCancel undoes reserveStock when that is the first step to undo.
func releaseOnCancel(e order.CancellationRequested, now time.Time) (sagas.Reaction, bool) {
	return release(e.OrderID, e.Lines, now), e.Undo[0] == order.StepReserveStock
}

// releaseNext undoes reserveStock when it is its turn.
func releaseNext(e order.CompensationAdvanced, now time.Time) (sagas.Reaction, bool) {
	return release(e.OrderID, e.Lines, now), e.Next == order.StepReserveStock
}

// release gives the pieces back. If it comes before the reservation, that is what is recorded, and the pieces are left
// alone: they are still to be had by others.
func release(id order.ID, lines []order.Item, now time.Time) sagas.Reaction {
	try := []aggregates.Command{reservation.Release{OrderID: string(id), At: now}}
	for _, l := range lines {
		try = append(try, stock.Deallocate{SKU: stock.SKU(l.SKU), OrderID: string(id), Quantity: l.Quantity, At: now})
	}
	return sagas.Reaction{Try: try, Else: func([]sagas.Refusal) []aggregates.Command {
		return []aggregates.Command{reservation.Cancel{OrderID: string(id), At: now}}
	}}
}

// retryStock does again what an operator wants done again.
func retryStock(e order.RetryRequested, now time.Time) (sagas.Reaction, bool) {
	switch e.Step {
	case order.StepCommitStock:
		return commit(e.OrderID, e.Lines, now), true
	case order.StepReleaseStock:
		return release(e.OrderID, e.Lines, now), true
	case order.StepReserveStock, order.StepAuthorizePayment, order.StepCapturePayment, order.StepVoidPayment: // another's
	}
	return sagas.Reaction{}, false
}
