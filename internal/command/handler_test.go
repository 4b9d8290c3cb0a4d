package command_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/customer"
	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/command"
)

var now = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// store is one stream in memory. Before an append it lets somebody else go first, as often as told.
type store struct {
	eventstore.Reader
	command.SnapshotStore
	events []eventstore.Recorded
	first  []func(*store)
	reads  int
}

func (s *store) ReadStream(context.Context, eventstore.StreamID, eventstore.Version, int) ([]eventstore.Recorded, error) {
	s.reads++
	return s.events, nil
}

func (s *store) Append(_ context.Context, a eventstore.Append) (eventstore.Commit, error) {
	if len(s.first) > 0 {
		other := s.first[0]
		s.first = s.first[1:]
		other(s)
	}
	stream := a.Streams[0]
	if have := eventstore.Version(len(s.events)); stream.Expected != eventstore.Exactly(have) {
		return eventstore.Commit{}, &eventstore.ConflictError{Stream: stream.Stream, Expected: stream.Expected, Actual: have}
	}
	for _, e := range stream.Events {
		s.add(e)
	}
	return eventstore.Commit{Last: eventstore.Position(len(s.events))}, nil
}

func (s *store) add(e eventstore.Event) {
	n := len(s.events) + 1
	s.events = append(s.events, eventstore.Recorded{Event: e, Version: eventstore.Version(n), Position: eventstore.Position(n)})
}

// elsewhere executes a command as another process would, between our read and our append.
func elsewhere(t *testing.T, c customer.Command) func(*store) {
	return func(s *store) {
		other := &store{events: s.events}
		if _, err := execute(other, command.Call[customer.State, customer.Command]{Command: c}); err != nil {
			t.Fatal(err)
		}
		s.events = other.events
	}
}

func execute(s *store, call command.Call[customer.State, customer.Command]) (command.Outcome[customer.State], error) {
	return command.Execute(context.Background(), command.New(s, nil), customer.Decider, call)
}

func register() customer.Command {
	return customer.Register{CustomerID: "1", Name: "Ada", Email: "ada@example.com", At: now}
}

func TestAConflictIsDecidedAgain(t *testing.T) {
	t.Parallel()
	block := customer.Block{CustomerID: "1", At: now}
	s := &store{first: []func(*store){
		elsewhere(t, register()),
		func(s *store) { // two more while we decide again
			elsewhere(t, block)(s)
			elsewhere(t, customer.Unblock{CustomerID: "1", At: now})(s)
		},
	}}
	out, err := execute(s, command.Call[customer.State, customer.Command]{Command: register()})
	if err != nil || out.Changed || out.Version != 1 {
		t.Errorf("got %+v, %v, want what somebody else registered", out, err)
	}
	out, err = execute(s, command.Call[customer.State, customer.Command]{Command: block})
	if err != nil {
		t.Fatal(err)
	}
	if out.State.Status != customer.StatusBlocked || out.Version != 4 || out.Position != 4 || !out.Changed {
		t.Errorf("got %+v, want the customer blocked at version 4", out)
	}
}

func TestASecondCommandChangesNothing(t *testing.T) {
	t.Parallel()
	s := &store{}
	for _, c := range []customer.Command{register(), customer.Block{CustomerID: "1", At: now}} {
		if _, err := execute(s, command.Call[customer.State, customer.Command]{Command: c}); err != nil {
			t.Fatal(err)
		}
	}
	out, err := execute(s, command.Call[customer.State, customer.Command]{Command: customer.Block{CustomerID: "1", At: now}})
	if err != nil || out.Changed || out.Version != 2 || out.Position != 2 {
		t.Errorf("got %+v, %v, want version 2 unchanged", out, err)
	}
}

func TestConditions(t *testing.T) {
	t.Parallel()
	s := &store{}
	if _, err := execute(s, command.Call[customer.State, customer.Command]{Command: register(), New: true}); err != nil {
		t.Fatal(err)
	}
	if s.reads != 0 {
		t.Error("a new stream was read")
	}
	stale := eventstore.Version(0)
	var mismatch *command.VersionError
	_, err := execute(s, command.Call[customer.State, customer.Command]{Command: customer.Block{CustomerID: "1", At: now}, IfVersion: &stale})
	if !errors.As(err, &mismatch) || mismatch.Current != 1 {
		t.Errorf("got %v, want a VersionError with the current version", err)
	}
	_, err = command.Execute(context.Background(), command.New(&store{}, nil), customer.Decider,
		command.Call[customer.State, customer.Command]{Command: customer.Block{CustomerID: "2", At: now}})
	if _, ok := errors.AsType[*aggregates.RefusedError](err); !ok {
		t.Errorf("got %v, want a refusal", err)
	}
	if len(s.events) != 1 {
		t.Errorf("%d events, want 1", len(s.events))
	}
}
