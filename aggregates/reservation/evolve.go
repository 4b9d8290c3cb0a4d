package reservation

import "fmt"

func evolve(s State, e Event) State {
	switch e := e.(type) {
	case Reserved:
		return State{OrderID: e.OrderID, Status: StatusReserved, Lines: e.Lines}
	case Refused:
		return State{OrderID: e.OrderID, Status: StatusRefused}
	case Cancelled:
		return State{OrderID: e.OrderID, Status: StatusCancelled}
	case Released:
		s.Status = StatusReleased
	case Committed:
		s.Status = StatusCommitted
	default:
		panic(fmt.Sprintf("reservation: unknown event %T", e))
	}
	return s
}
