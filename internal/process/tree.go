package process

import (
	"cmp"
	"slices"
	"strings"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/sagas/fulfilment"
)

// tree lists the events of a story, each right after its cause and the other consequences of it, oldest first.
func tree(s Story) []Event {
	var all []Event
	start := s.Order[0].RecordedAt
	add := func(service string, recorded []eventstore.Recorded) {
		for _, rec := range recorded {
			step, _ := strings.CutPrefix(rec.Metadata.Actor, "step:")
			if step == rec.Metadata.Actor {
				step = ""
			}
			all = append(all, Event{
				ID: rec.ID, Service: service, Type: rec.Type, Version: rec.Version, Position: rec.Position, Step: step,
				CausationID: rec.Metadata.CausationID, At: rec.RecordedAt, OffsetMS: rec.RecordedAt.Sub(start).Milliseconds(),
			})
		}
	}
	add(fulfilment.Orders, s.Order)
	add(fulfilment.Inventory, s.Reservation)
	add(fulfilment.Payments, s.Payment)
	slices.SortStableFunc(all, func(a, b Event) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Service, b.Service), cmp.Compare(a.Version, b.Version))
	})

	known := make(map[string]bool, len(all))
	for _, e := range all {
		known[e.ID.String()] = true
	}
	effects := map[string][]Event{}
	for _, e := range all {
		cause := e.CausationID
		if !known[cause] { // a command from outside, or time
			cause = ""
		}
		effects[cause] = append(effects[cause], e)
	}
	events := make([]Event, 0, len(all))
	var walk func(cause string, depth int)
	walk = func(cause string, depth int) {
		for _, e := range effects[cause] {
			e.Depth = depth
			events = append(events, e)
			walk(e.ID.String(), depth+1)
		}
	}
	walk("", 0)
	return events
}
