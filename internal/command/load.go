package command

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/schemas"
)

// aggregate is an aggregate of any kind with its state.
type aggregate struct {
	decide func(aggregates.Command) ([]aggregates.Event, error)
	apply  func(aggregates.Event) error

	// As it was loaded; version also counts what was decided since.
	version  eventstore.Version
	position eventstore.Position
	last     uuid.UUID // the last event
	folded   int       // events behind the snapshot, if there was one

	stateVersion int // 0: no snapshots
	restore      func(state []byte) error
	save         func() (state []byte, err error)
}

// newAggregate returns an aggregate in its initial state, and where that state is.
func newAggregate[S any, C aggregates.Command, E aggregates.Event](d aggregates.Decider[S, C, E]) (*aggregate, *S) {
	state := d.Initial()
	return &aggregate{
		decide: func(cmd aggregates.Command) ([]aggregates.Event, error) {
			own, ok := cmd.(C)
			if !ok {
				return nil, fmt.Errorf("a %T is not for %s", cmd, cmd.Stream())
			}
			decided, err := d.Decide(state, own)
			events := make([]aggregates.Event, 0, len(decided))
			for _, e := range decided {
				events = append(events, e)
			}
			return events, err
		},
		apply: func(e aggregates.Event) error {
			own, ok := e.(E)
			if !ok {
				return fmt.Errorf("a %s does not belong here", e.EventType())
			}
			state = d.Evolve(state, own)
			return nil
		},
		stateVersion: d.StateVersion,
		restore: func(saved []byte) error {
			restored := d.Initial()
			if err := json.Unmarshal(saved, &restored); err != nil {
				return err
			}
			state = restored
			return nil
		},
		save: func() ([]byte, error) { return json.Marshal(state) },
	}, &state
}

// load reads aggregates that are in their initial state, in one go: each from its snapshot, if it has one, and the events
// after that.
func load(ctx context.Context, r eventstore.Reader, aggs map[eventstore.StreamID]*aggregate) error {
	wanted := make(map[eventstore.StreamID]int, len(aggs))
	for stream, a := range aggs {
		wanted[stream] = a.stateVersion
	}
	histories, err := read(ctx, r, wanted)
	if err != nil {
		return err
	}
	damaged := map[eventstore.StreamID]int{}
	for stream, history := range histories {
		a := aggs[stream]
		if s := history.Snapshot; s != nil {
			if err := a.restore(s.State); err != nil {
				damaged[stream] = 0 // what went wrong with it does not matter: the events say it all
				continue
			}
			a.version, a.position, a.last = s.Version, s.Position, s.EventID
		}
		if err := a.fold(stream, history.Events); err != nil {
			return err
		}
	}
	if len(damaged) == 0 {
		return nil
	}
	if histories, err = read(ctx, r, damaged); err != nil {
		return err
	}
	for stream, history := range histories {
		if err := aggs[stream].fold(stream, history.Events); err != nil {
			return err
		}
	}
	return nil
}

// read reads streams. One that has no snapshots is the common case and the simpler statement.
func read(ctx context.Context, r eventstore.Reader, wanted map[eventstore.StreamID]int) (map[eventstore.StreamID]eventstore.History, error) {
	for stream, stateVersion := range wanted {
		if len(wanted) > 1 || stateVersion != 0 {
			break
		}
		events, err := r.ReadStream(ctx, stream, 0, 0)
		return map[eventstore.StreamID]eventstore.History{stream: {Events: events}}, err
	}
	return r.ReadStreams(ctx, wanted)
}

func (a *aggregate) fold(stream eventstore.StreamID, events []eventstore.Recorded) error {
	for _, rec := range events {
		e, err := schemas.Decode(rec.Event)
		if err == nil {
			err = a.apply(e)
		}
		if err != nil {
			return fmt.Errorf("load %s version %d: %w", stream, rec.Version, err)
		}
		a.version, a.position, a.last = rec.Version, rec.Position, rec.ID
		a.folded++
	}
	return nil
}
