package aggregatetest

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ordo-platform/ordo/aggregates"
)

// Scenario is the history of one aggregate. Given leaves it as it is and returns a longer one, so a common start can be
// shared.
type Scenario[S, C, E any] struct {
	t       testing.TB
	decider aggregates.Decider[S, C, E]
	history []E
}

// For starts a scenario without any history.
func For[S, C, E any](t testing.TB, d aggregates.Decider[S, C, E]) Scenario[S, C, E] {
	return Scenario[S, C, E]{t: t, decider: d}
}

// Given adds what happened before.
func (s Scenario[S, C, E]) Given(events ...E) Scenario[S, C, E] {
	s.history = append(slices.Clip(s.history), events...)
	return s
}

// When lets the aggregate decide. The outcome must be looked at with one of its Then methods.
func (s Scenario[S, C, E]) When(command C) Outcome[E] {
	s.t.Helper()
	state := s.decider.Fold(s.decider.Initial(), s.history...)
	events, err := s.decider.Decide(state, command)
	again, errAgain := s.decider.Decide(state, command)
	if !reflect.DeepEqual(events, again) || !reflect.DeepEqual(err, errAgain) {
		s.t.Errorf("%T decided again: %s, %v; first: %s, %v", command, list(again), errAgain, list(events), err)
	}
	if err != nil && len(events) > 0 {
		s.t.Errorf("%T is refused (%v) and has events: %s", command, err, list(events))
	}
	s.decider.Fold(state, events...)
	return Outcome[E]{t: s.t, command: fmt.Sprintf("%T", command), events: events, err: err}
}

// Outcome is what a command led to.
type Outcome[E any] struct {
	t       testing.TB
	command string
	events  []E
	err     error
}

// Then expects exactly these events.
func (o Outcome[E]) Then(want ...E) {
	o.t.Helper()
	if o.err != nil {
		o.t.Errorf("%s: %v; want %s", o.command, o.err, list(want))
		return
	}
	if len(o.events) != len(want) || len(want) > 0 && !reflect.DeepEqual(o.events, want) {
		o.t.Errorf("%s: events\n got %s\nwant %s", o.command, list(o.events), list(want))
	}
}

// ThenNothing expects that the command is accepted and that nothing new happens.
func (o Outcome[E]) ThenNothing() {
	o.t.Helper()
	o.Then()
}

// ThenRefused expects a refusal with this code that concerns this field of the command ("" for none), and returns the
// error for closer looks.
func (o Outcome[E]) ThenRefused(code, field string) error {
	o.t.Helper()
	var refused *aggregates.RefusedError
	switch {
	case o.err == nil:
		o.t.Errorf("%s: accepted with %s; want refusal %s", o.command, list(o.events), code)
	case !errors.As(o.err, &refused):
		o.t.Errorf("%s: %v is a %T, not a refusal", o.command, o.err, o.err)
	case refused.Reason != code || refused.Field != field:
		o.t.Errorf("%s: refused with %q for field %q; want %q for %q", o.command, refused.Reason, refused.Field, code, field)
	case refused.Detail == "":
		o.t.Errorf("%s: refusal %s says nothing to people", o.command, code)
	}
	return o.err
}

func list[E any](events []E) string {
	if len(events) == 0 {
		return "nothing"
	}
	words := make([]string, len(events))
	for i, e := range events {
		words[i] = fmt.Sprintf("%T%+v", e, e)
	}
	return strings.Join(words, ", ")
}
