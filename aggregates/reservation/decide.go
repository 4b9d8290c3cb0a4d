package reservation

import (
	"fmt"

	"github.com/ordo-platform/ordo/aggregates"
)

// Decider decides on reservations.
var Decider = aggregates.Decider[State, Command, Event]{
	Initial: func() State { return State{} },
	Decide:  decide,
	Evolve:  evolve,
}

// decide answers whatever comes late or again with nothing new. It refuses what would count pieces twice.
func decide(s State, c Command) ([]Event, error) {
	switch c := c.(type) {
	case Reserve:
		if s.Status == StatusNone {
			return []Event{Reserved(c)}, nil
		}
		return nil, nil
	case Refuse:
		if s.Status == StatusNone {
			return []Event{Refused(c)}, nil
		}
		return nil, nil
	case Cancel:
		return cancel(s, c)
	case Release:
		return release(s, c)
	case Commit:
		return commit(s, c)
	default:
		panic(fmt.Sprintf("reservation: unknown command %T", c))
	}
}

func release(s State, c Release) ([]Event, error) {
	switch s.Status {
	case StatusReserved:
		return []Event{Released{OrderID: s.OrderID, Lines: s.Lines, At: c.At}}, nil
	case StatusReleased, StatusRefused, StatusCancelled:
		return nil, nil // nothing is set aside
	case StatusNone:
		return nil, invalidState("nothing has been reserved yet")
	case StatusCommitted:
		return nil, invalidState("the pieces have left")
	default:
		panic(unknown(s))
	}
}

func cancel(s State, c Cancel) ([]Event, error) {
	switch s.Status {
	case StatusNone:
		return []Event{Cancelled(c)}, nil
	case StatusCancelled:
		return nil, nil
	case StatusReserved, StatusRefused, StatusReleased, StatusCommitted: // Release has an answer there
		return nil, invalidState("it has been answered")
	default:
		panic(unknown(s))
	}
}

func commit(s State, c Commit) ([]Event, error) {
	switch s.Status {
	case StatusReserved:
		return []Event{Committed{OrderID: s.OrderID, Lines: s.Lines, At: c.At}}, nil
	case StatusCommitted:
		return nil, nil
	case StatusNone, StatusRefused, StatusReleased, StatusCancelled:
		return nil, invalidState("nothing is set aside for the order")
	default:
		panic(unknown(s))
	}
}

// unknown is what to panic with in a status that evolve never gives.
func unknown(s State) string {
	return fmt.Sprintf("reservation of %s: unknown status %q", s.OrderID, s.Status)
}

func invalidState(why string) error {
	return &aggregates.RefusedError{Reason: aggregates.CodeInvalidState, Detail: why}
}
