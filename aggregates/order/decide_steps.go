package order

import (
	"fmt"
	"slices"

	"github.com/ordo-platform/ordo/aggregates"
)

// The decisions in this file are about answers to steps. Every answer may come late or again, in any status; a refusal
// stops the reader of the answer, so it is only for what cannot happen.

func requestPayment(s State, c RequestPayment) ([]Event, error) {
	switch s.Status {
	case StatusPlaced:
		return []Event{PaymentRequested{OrderID: s.ID, Amount: s.Total, PaymentMethod: s.PaymentMethod, At: c.At}}, nil
	case StatusAwaitingPayment, StatusConfirmed, StatusShipped:
		return nil, nil // requested before
	case StatusCancelling, StatusNeedsAttention, StatusRejected, StatusCancelled:
		return nil, nil // too late: the order is on its way out and takes no money
	case StatusNone:
		return nil, notFound()
	default:
		panic(unknown(s))
	}
}

// confirm leaves an order that is being undone as it is when the payment succeeds late: it will be undone, too.
func confirm(s State, c Confirm) ([]Event, error) {
	switch s.Status {
	case StatusAwaitingPayment:
		return []Event{Confirmed{OrderID: s.ID, At: c.At}}, nil
	case StatusConfirmed, StatusShipped:
		return nil, nil // confirmed before
	case StatusCancelling, StatusNeedsAttention, StatusRejected, StatusCancelled:
		return nil, nil // too late: an order that is undone does not come back
	case StatusPlaced:
		return nil, invalidState(s, "its payment has not been requested")
	case StatusNone:
		return nil, notFound()
	default:
		panic(unknown(s))
	}
}

// reject ends an order whose stock was refused. If it is being undone already, that is the answer: there is nothing to
// release, and nobody will say so again.
func reject(s State, c Reject) ([]Event, error) {
	if c.Reason != ReasonOutOfStock { // any other comes after something was done that has to be undone
		return nil, invalidReason(c.Reason)
	}
	switch s.Status {
	case StatusPlaced:
		return []Event{Rejected{OrderID: s.ID, Reason: c.Reason, Shortages: c.Shortages, At: c.At}}, nil
	case StatusCancelling, StatusNeedsAttention:
		if s.Wait.Step == StepReleaseStock && s.Reason != ReasonPaymentDeclined {
			return undone(s, RecordUndone{OrderID: c.OrderID, Step: StepReserveStock, At: c.At})
		}
		return nil, invalidState(s, "its stock is reserved")
	case StatusRejected, StatusCancelled:
		return nil, nil // it has ended without effect anyway
	case StatusAwaitingPayment, StatusConfirmed, StatusShipped:
		return nil, invalidState(s, "its stock is reserved")
	case StatusNone:
		return nil, notFound()
	default:
		panic(unknown(s))
	}
}

func compensate(s State, c Compensate) ([]Event, error) {
	if c.Reason != ReasonPaymentDeclined {
		return nil, invalidReason(c.Reason)
	}
	switch s.Status {
	case StatusAwaitingPayment:
		return []Event{CompensationStarted{
			OrderID: s.ID,
			Reason:  c.Reason,
			Detail:  aggregates.CleanText(c.Detail, MaxDetailLength), // the provider's words: they must not stop the undoing
			Undo:    []Step{StepReserveStock},                        // all that is done before the payment is awaited
			Lines:   items(s.Lines),
			At:      c.At,
		}}, nil
	case StatusCancelling, StatusNeedsAttention, StatusRejected, StatusCancelled:
		return nil, nil // it is being undone, or was
	case StatusPlaced:
		return nil, invalidState(s, "its payment has not been requested")
	case StatusConfirmed, StatusShipped:
		return nil, invalidState(s, "its payment is authorised")
	case StatusNone:
		return nil, notFound()
	default:
		panic(unknown(s))
	}
}

func recordUndone(s State, c RecordUndone) ([]Event, error) {
	switch s.Status {
	case StatusCancelling, StatusNeedsAttention:
		if len(s.Undo) == 0 {
			return nil, invalidState(s, "it is not being undone")
		}
		return undone(s, c)
	case StatusRejected, StatusCancelled:
		return nil, nil // the last step was undone before
	case StatusPlaced, StatusAwaitingPayment, StatusConfirmed, StatusShipped:
		return nil, invalidState(s, "it is not being undone")
	case StatusNone:
		return nil, notFound()
	default:
		panic(unknown(s))
	}
}

func undone(s State, c RecordUndone) ([]Event, error) {
	next, rest := s.Undo[0], s.Undo[1:]
	if c.Step != next {
		if slices.Contains(rest, c.Step) {
			return nil, &aggregates.RefusedError{
				Reason: CodeUndoOutOfOrder, Detail: fmt.Sprintf("%s has to be undone before %s", next, c.Step), Field: "step",
			}
		}
		return nil, nil // undone before, or never done
	}
	if len(rest) > 0 {
		return []Event{CompensationAdvanced{OrderID: s.ID, Undone: c.Step, Next: rest[0], Lines: items(s.Lines), At: c.At}}, nil
	}
	if s.Reason == ReasonPaymentDeclined {
		return []Event{Rejected{OrderID: s.ID, Reason: s.Reason, At: c.At}}, nil
	}
	return []Event{Cancelled{OrderID: s.ID, Reason: s.Reason, At: c.At}}, nil
}

func requestCommit(s State, c RequestCommit) ([]Event, error) {
	switch s.Status {
	case StatusConfirmed, StatusNeedsAttention:
		switch {
		case s.Wait.Step == StepCapturePayment:
			return []Event{CommitRequested{OrderID: s.ID, Lines: items(s.Lines), At: c.At}}, nil
		case s.Wait.Step == StepCommitStock:
			return nil, nil // requested before
		case len(s.Undo) > 0:
			return nil, nil // too late: the money goes back
		}
		return nil, invalidState(s, "it is not being shipped")
	case StatusShipped:
		return nil, nil
	case StatusCancelling, StatusCancelled:
		return nil, nil // too late: the money goes back
	case StatusPlaced, StatusAwaitingPayment, StatusRejected:
		return nil, invalidState(s, "it is not being shipped")
	case StatusNone:
		return nil, notFound()
	default:
		panic(unknown(s))
	}
}

func completeShipment(s State, c CompleteShipment) ([]Event, error) {
	switch s.Status {
	case StatusConfirmed, StatusNeedsAttention:
		if s.Wait.Step == StepCommitStock {
			return []Event{Shipped{OrderID: s.ID, Shipment: s.Shipment, At: c.At}}, nil
		}
		return nil, invalidState(s, "its stock is not to leave yet")
	case StatusShipped:
		return nil, nil
	case StatusPlaced, StatusAwaitingPayment, StatusCancelling, StatusRejected, StatusCancelled:
		return nil, invalidState(s, "it is not being shipped")
	case StatusNone:
		return nil, notFound()
	default:
		panic(unknown(s))
	}
}

// passDeadline and an answer may be decided at the same time: whoever appends first wins, and the other is decided again
// on what the first led to.
func passDeadline(s State, c PassDeadline) ([]Event, error) {
	if s.Wait != c.Wait || s.Wait == (Wait{}) {
		return nil, nil // answered in time
	}
	switch s.Status {
	case StatusPlaced, StatusAwaitingPayment:
		return []Event{cancellation(s, ReasonTimedOut, fmt.Sprintf("no answer to %s in time", c.Step), c.At)}, nil
	case StatusConfirmed, StatusCancelling:
		return []Event{AttentionNeeded{OrderID: s.ID, Wait: s.Wait, Cause: CauseOverdue, At: c.At}}, nil
	case StatusNeedsAttention:
		return nil, nil // somebody has been told
	case StatusNone, StatusShipped, StatusRejected, StatusCancelled:
	}
	panic(unknown(s)) // in which nothing is awaited
}

func recordRefused(s State, c RecordRefused) ([]Event, error) {
	if s.Wait != c.Wait || s.Wait == (Wait{}) {
		return nil, nil // about another attempt, or not awaited any more
	}
	switch s.Status {
	case StatusConfirmed, StatusCancelling:
		return []Event{AttentionNeeded{
			OrderID: s.ID, Wait: s.Wait, Cause: CauseRefused, Detail: aggregates.CleanText(c.Detail, MaxDetailLength), At: c.At,
		}}, nil
	case StatusNeedsAttention:
		return nil, nil // somebody has been told
	case StatusPlaced, StatusAwaitingPayment:
		return nil, invalidState(s, "a refusal of its first steps has events of its own")
	case StatusNone, StatusShipped, StatusRejected, StatusCancelled:
	}
	panic(unknown(s)) // in which nothing is awaited
}
