package payment

import "fmt"

func evolve(s State, e Event) State {
	switch e := e.(type) {
	case AuthorizationRequested:
		return State{OrderID: e.OrderID, Status: StatusRequested, Amount: e.Amount, Method: e.Method, Key: e.Key}
	case Authorized:
		s.Status, s.AuthorizationID = StatusAuthorized, e.AuthorizationID
	case Declined:
		s.Status, s.DeclineReason = StatusDeclined, e.Reason
	default:
		panic(fmt.Sprintf("payment: unknown event %T", e))
	}
	return s
}
