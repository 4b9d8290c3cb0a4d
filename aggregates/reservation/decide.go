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

// decide refuses nothing: whatever comes late or again has its answer already.
func decide(s State, c Command) ([]Event, error) {
	switch c := c.(type) {
	case Reserve:
		if s.Status == StatusNone {
			return []Event{Reserved(c)}, nil
		}
	case Refuse:
		if s.Status == StatusNone {
			return []Event{Refused(c)}, nil
		}
	case Release:
		if s.Status == StatusReserved {
			return []Event{Released{OrderID: s.OrderID, Lines: s.Lines, At: c.At}}, nil
		}
	default:
		panic(fmt.Sprintf("reservation: unknown command %T", c))
	}
	return nil, nil
}
