package sagas

import (
	"fmt"
	"time"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/schemas"
)

// Table is a whole process: its steps in the order in which they happen when all goes well, then those that undo.
type Table []Step

// Step is what one service does about one kind of event.
type Step struct {
	Name     string        // unique in the table; salt of the ids of the events the step makes
	Owner    string        // the service that does it
	Do       Trigger       // which event, and what to do about it
	UndoneBy string        // name of the step that undoes this one, if it has lasting effects
	Within   time.Duration // for how long its answer is waited for; 0 if nobody waits
}

// Trigger ties a reaction to the type of event it reacts to. See [On].
type Trigger struct {
	EventType string
	react     func(aggregates.Event, time.Time) (Reaction, bool)
}

// On makes a trigger from a reaction. The event's Go type says which event it is about. now is the time the commands
// carry; a false answer means that the event asks nothing of this step.
func On[E aggregates.Event](react func(e E, now time.Time) (Reaction, bool)) Trigger {
	var zero E
	return Trigger{
		EventType: zero.EventType(),
		react: func(e aggregates.Event, now time.Time) (Reaction, bool) {
			return react(e.(E), now) //nolint:forcetypeassert // the reactor picks steps by event type
		},
	}
}

// Reaction is what a step wants done: commands that are decided together.
//
// If every command of Try is accepted, all their events are appended in one piece. If the domain refuses any, none
// happens and the commands of Else, which learn what was refused, are decided instead; a refusal without an Else is a
// mistake in the process and stops it. A technical failure is neither: it is retried from the start.
//
// When the first command of Try is accepted with nothing new, the reaction has been done before and the rest is skipped.
type Reaction struct {
	Try  []aggregates.Command
	Else func([]Refusal) []aggregates.Command
}

// Refusal is a command the domain said no to.
type Refusal struct {
	Command aggregates.Command
	Err     error // an *aggregates.RefusedError, or one that wraps it
}

// Reactor is one service's part of a table.
type Reactor struct {
	owner string
	steps map[string][]Step // by event type
}

// For returns the part of the table that owner does.
func (t Table) For(owner string) *Reactor {
	r := &Reactor{owner: owner, steps: map[string][]Step{}}
	for _, s := range t {
		if s.Owner == owner {
			r.steps[s.Do.EventType] = append(r.steps[s.Do.EventType], s)
		}
	}
	return r
}

// Caused is a reaction together with the event and the step it comes from.
type Caused struct {
	Reaction
	Cause eventstore.Recorded
	Step  string
}

// React returns what the service has to do about recorded events, in their order. An event that no step is about is
// passed over; one that this binary cannot decode (schemas.UnknownTypeError, schemas.UnsupportedVersionError) is an error:
// skipping it could skip a step.
func (r *Reactor) React(events []eventstore.Recorded, now time.Time) ([]Caused, error) {
	var all []Caused
	for _, rec := range events {
		e, err := schemas.Decode(rec.Event)
		if err != nil {
			return nil, fmt.Errorf("react to %s at position %d: %w", rec.Stream, rec.Position, err)
		}
		for _, s := range r.steps[rec.Type] {
			if reaction, ok := s.Do.react(e, now); ok {
				all = append(all, Caused{Reaction: reaction, Cause: rec, Step: s.Name})
			}
		}
	}
	return all, nil
}
