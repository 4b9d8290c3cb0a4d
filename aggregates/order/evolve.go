package order

import "fmt"

func evolve(s State, e Event) State {
	switch e := e.(type) {
	case Placed:
		return State{
			ID: e.OrderID, Status: StatusPlaced, CustomerID: e.CustomerID, Lines: e.Lines, Total: e.Total, PaymentMethod: e.PaymentMethod,
		}
	case PaymentRequested:
		s.Status = StatusAwaitingPayment
	case Confirmed:
		s.Status = StatusConfirmed
	case Rejected:
		s.Status, s.Reason, s.Undo = StatusRejected, e.Reason, nil
	case CompensationStarted:
		s.Status, s.Reason, s.Undo = StatusCancelling, e.Reason, e.Undo
	case CompensationAdvanced:
		s.Undo = s.Undo[1:]
	default:
		panic(fmt.Sprintf("order: unknown event %T", e))
	}
	return s
}
