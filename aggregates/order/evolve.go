package order

import "fmt"

func evolve(s State, e Event) State {
	if _, wait, ok := Awaits(e); ok {
		s.Wait = wait
	}
	switch e := e.(type) {
	case Placed:
		return State{
			ID: e.OrderID, Status: StatusPlaced, CustomerID: e.CustomerID, Lines: e.Lines, Total: e.Total, PaymentMethod: e.PaymentMethod,
			Wait: s.Wait,
		}
	case PaymentRequested:
		s.Status = StatusAwaitingPayment
	case Confirmed:
		s.Status, s.Wait = StatusConfirmed, Wait{}
	case ShipmentRequested:
		s.Shipment = e.Shipment
	case CommitRequested:
		s.Status = StatusConfirmed // again, if the answer came late
	case Shipped:
		s.Status, s.Wait = StatusShipped, Wait{}
	case CompensationStarted:
		s.Status, s.Reason, s.Undo = StatusCancelling, e.Reason, e.Undo
	case CancellationRequested:
		s.Status, s.Reason, s.Undo = StatusCancelling, e.Reason, e.Undo
	case CompensationAdvanced:
		s.Status, s.Undo = StatusCancelling, s.Undo[1:]
	case Rejected:
		s.Status, s.Reason, s.Undo, s.Wait = StatusRejected, e.Reason, nil, Wait{}
	case Cancelled:
		s.Status, s.Undo, s.Wait = StatusCancelled, nil, Wait{}
	case AttentionNeeded:
		s.Status = StatusNeedsAttention
	case RetryRequested:
		s.Status = StatusConfirmed
		if e.Step.Undoes() {
			s.Status = StatusCancelling
		}
	default:
		panic(fmt.Sprintf("order: unknown event %T", e))
	}
	return s
}
