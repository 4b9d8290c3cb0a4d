// Package aggregates holds the contract that all aggregates share. An aggregate is three pure functions: no context,
// clock, store or logger here. Time and ids arrive inside the command, so a decision can be replayed exactly.
//
// One package per aggregate: order, stock, reservation, payment, product, customer. Each has doc.go, state.go, commands.go,
// events.go, decide.go and evolve.go. The only caller of Decide outside tests is internal/command.
package aggregates

// Decider is all an aggregate is.
type Decider[S, C, E any] struct {
	Initial func() S
	Decide  func(S, C) ([]E, error) // may refuse (a *[RefusedError]); changes nothing; no events = accepted, nothing new
	Evolve  func(S, E) S            // may not refuse: it already happened

	// StateVersion, if not 0, says that a state written as JSON and read back is the same state, so that it can be kept to
	// save folding a long history. Raise it with each change of what a state holds or of how events lead to it: states of
	// other versions are not used any more.
	StateVersion int
}

// Fold replays events on top of s.
func (d Decider[S, C, E]) Fold(s S, events ...E) S {
	for _, e := range events {
		s = d.Evolve(s, e)
	}
	return s
}

// Command asks one aggregate for something. It names the stream of the aggregate it is for ("order-0198…").
type Command interface {
	Stream() string
}

// Event is something that happened to one aggregate. The codec of package schemas knows every one of them.
type Event interface {
	// EventType is the name the event has outside Go, as in "OrderPlaced".
	EventType() string
}

// RefusedError is the domain's "no": a business answer, not a failure. It becomes a 409 or 422, or the event that starts
// compensation; it is never retried.
type RefusedError struct {
	Reason string // stable code, as in "insufficient_stock"
	Detail string // for people
	Field  string // the command's field it concerns, in the words of the API; may be empty
}

func (e *RefusedError) Error() string {
	return "refused: " + e.Reason + ": " + e.Detail
}
