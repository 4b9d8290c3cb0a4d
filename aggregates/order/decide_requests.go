package order

import (
	"fmt"
	"time"

	"github.com/ordo-platform/ordo/aggregates"
)

// The decisions in this file are about what people ask for.

func ship(s State, c Ship) ([]Event, error) {
	if err := aggregates.CheckText("carrier", c.Carrier, MaxCarrierLength); err != nil {
		return nil, err
	}
	if err := aggregates.CheckText("tracking_number", c.TrackingNumber, MaxTrackingLength); err != nil {
		return nil, err
	}
	switch s.Status {
	case StatusConfirmed, StatusShipped, StatusNeedsAttention:
		switch {
		case len(s.Undo) > 0:
			return nil, invalidState(s, "it is being undone")
		case s.Shipment == c.Shipment:
			return nil, nil // asked for before
		case s.shipping():
			return nil, invalidState(s, fmt.Sprintf("it leaves with %s as %s", s.Shipment.Carrier, s.Shipment.TrackingNumber))
		}
		return []Event{ShipmentRequested{OrderID: s.ID, Shipment: c.Shipment, At: c.At}}, nil
	case StatusPlaced, StatusAwaitingPayment:
		return nil, invalidState(s, "only a confirmed order can be shipped")
	case StatusCancelling, StatusRejected, StatusCancelled:
		return nil, invalidState(s, "only a confirmed order can be shipped")
	case StatusNone:
		return nil, notFound()
	default:
		panic(unknown(s))
	}
}

func cancel(s State, c Cancel) ([]Event, error) {
	if err := aggregates.CheckText("reason", c.Reason, MaxReasonLength); err != nil {
		return nil, err
	}
	switch s.Status {
	case StatusPlaced, StatusAwaitingPayment:
		return []Event{cancellation(s, ReasonOnRequest, c.Reason, c.At)}, nil
	case StatusConfirmed:
		if s.shipping() {
			return nil, invalidState(s, "it is being shipped")
		}
		return []Event{cancellation(s, ReasonOnRequest, c.Reason, c.At)}, nil
	case StatusNeedsAttention:
		switch {
		case len(s.Undo) > 0:
			return nil, nil // it is being undone, as far as that goes
		case s.Wait.Step == StepCapturePayment: // the way out when the money cannot be had
			return []Event{cancellation(s, ReasonOnRequest, c.Reason, c.At)}, nil
		}
		return nil, invalidState(s, "its payment is captured; what remains is to take its stock out")
	case StatusCancelling, StatusCancelled:
		return nil, nil // asked for before, or undone for another reason
	case StatusShipped, StatusRejected:
		return nil, invalidState(s, "that is an end")
	case StatusNone:
		return nil, notFound()
	default:
		panic(unknown(s))
	}
}

// cancellation undoes what was done and what may have been: a step that is under way counts as done, since its success
// may be on its way.
func cancellation(s State, reason Reason, detail string, at time.Time) CancellationRequested {
	undo := []Step{StepAuthorizePayment, StepReserveStock}
	if s.Status == StatusPlaced {
		undo = undo[1:]
	}
	return CancellationRequested{OrderID: s.ID, Reason: reason, Detail: detail, Undo: undo, Lines: items(s.Lines), At: at}
}

func retry(s State, c Retry) ([]Event, error) {
	if err := aggregates.CheckText("reason", c.Reason, MaxReasonLength); err != nil {
		return nil, err
	}
	if s.Status == StatusNone {
		return nil, notFound()
	}
	if c.Step != "" && c.Step != s.Wait.Step {
		return nil, &aggregates.RefusedError{
			Reason: aggregates.CodeInvalidState, Detail: fmt.Sprintf("the order does not wait for %.64q", c.Step), Field: "step",
		}
	}
	switch {
	case s.Status == StatusNeedsAttention:
		again := Wait{Step: s.Wait.Step, Attempt: s.Wait.Attempt + 1}
		return []Event{RetryRequested{OrderID: s.ID, Wait: again, Reason: c.Reason, Lines: items(s.Lines), At: c.At}}, nil
	case s.Wait.Attempt > 1:
		return nil, nil // asked for before, and under way
	}
	return nil, invalidState(s, "nothing of it is stuck")
}
