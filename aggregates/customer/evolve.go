package customer

import "fmt"

func evolve(s State, e Event) State {
	switch e := e.(type) {
	case Registered:
		return State{ID: e.CustomerID, Status: StatusActive, Name: e.Name, Email: e.Email}
	case Blocked:
		s.Status = StatusBlocked
	case Unblocked:
		s.Status = StatusActive
	default:
		panic(fmt.Sprintf("customer: unknown event %T", e))
	}
	return s
}
