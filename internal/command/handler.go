package command

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/schemas"
)

// maxAttempts bounds how often a command is decided again after a conflict. Each conflict means that somebody else got
// through, so running out takes a stream that many write at once.
const maxAttempts = 20

// Store is what commands need of an event store.
type Store interface {
	eventstore.Appender
	eventstore.Reader
	SnapshotStore
}

// Handler executes the commands of one service.
type Handler struct {
	store     Store
	tasks     TaskRule
	snapshots snapshots
}

// TaskRule adds to the append of an event the work that must follow, and the work that the event makes superfluous.
type TaskRule func(aggregates.Event, *eventstore.Append)

// New returns a handler for commands whose streams are in store. tasks may be nil.
func New(store Store, tasks TaskRule) *Handler {
	h := &Handler{store: store, tasks: tasks}
	h.snapshots.init()
	return h
}

// Call is one command with what surrounds it.
type Call[S any, C aggregates.Command] struct {
	Command  C
	Metadata eventstore.Metadata // of all events the command makes

	// IfVersion, when set, is the version the stream must have; another is a *VersionError.
	IfVersion *eventstore.Version

	// New says that the stream should not exist yet: the command is decided on the initial state without reading first.
	New bool

	// Receipt, when set, makes the receipt to store with the events, from the state and version the command leads to.
	Receipt func(S, eventstore.Version) (*eventstore.Receipt, error)
}

// Outcome is the aggregate after a command.
type Outcome[S any] struct {
	State    S
	Version  eventstore.Version
	Position eventstore.Position // of the stream's last event
	Changed  bool                // false: accepted, nothing new
}

// VersionError says that the caller's condition on the version does not hold.
type VersionError struct {
	Stream            eventstore.StreamID
	Expected, Current eventstore.Version
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("%s was changed meanwhile: you had version %d, now %d", e.Stream, e.Expected, e.Current)
}

// Execute decides one command and stores what follows. Errors a caller can decide on are *aggregates.RefusedError,
// *[VersionError], and those of [eventstore.Appender] (a *eventstore.ConflictError only after many attempts).
func Execute[S any, C aggregates.Command, E aggregates.Event](ctx context.Context, h *Handler, d aggregates.Decider[S, C, E], call Call[S, C]) (Outcome[S], error) {
	for attempt := 1; ; attempt++ {
		out, err := execute(ctx, h, d, call, call.New && attempt == 1)
		var conflict *eventstore.ConflictError
		if !errors.As(err, &conflict) || attempt == maxAttempts {
			return out, err
		}
		if err := pause(ctx, attempt); err != nil {
			return Outcome[S]{}, err
		}
	}
}

func execute[S any, C aggregates.Command, E aggregates.Event](ctx context.Context, h *Handler, d aggregates.Decider[S, C, E], call Call[S, C], unread bool) (Outcome[S], error) {
	stream := eventstore.StreamID(call.Command.Stream())
	now := Outcome[S]{State: d.Initial()}
	if !unread {
		out, loaded, err := loadOne(ctx, h.store, d, stream)
		if err != nil {
			return Outcome[S]{}, err
		}
		h.snapshots.consider(loaded)
		now = out
	}
	if call.IfVersion != nil && *call.IfVersion != now.Version {
		return Outcome[S]{}, &VersionError{Stream: stream, Expected: *call.IfVersion, Current: now.Version}
	}
	events, err := d.Decide(now.State, call.Command)
	if err != nil || len(events) == 0 {
		return now, err
	}
	var a eventstore.Append
	err = add(h, &a, stream, now.Version, events, call.Metadata, func(int) uuid.UUID { return eventstore.NewID() })
	if err != nil {
		return Outcome[S]{}, err
	}
	next := Outcome[S]{State: d.Fold(now.State, events...), Version: now.Version + eventstore.Version(len(events)), Changed: true}
	if call.Receipt != nil {
		if a.Receipt, err = call.Receipt(next.State, next.Version); err != nil {
			return Outcome[S]{}, err
		}
	}
	commit, err := h.store.Append(ctx, a)
	if err != nil {
		return Outcome[S]{}, err
	}
	next.Position = commit.Last
	return next, nil
}

// Load reads one aggregate. A stream without events gives the initial state at version 0.
func Load[S any, C aggregates.Command, E aggregates.Event](ctx context.Context, r eventstore.Reader, d aggregates.Decider[S, C, E], stream eventstore.StreamID) (Outcome[S], error) {
	out, _, err := loadOne(ctx, r, d, stream)
	return out, err
}

func loadOne[S any, C aggregates.Command, E aggregates.Event](ctx context.Context, r eventstore.Reader, d aggregates.Decider[S, C, E], stream eventstore.StreamID) (Outcome[S], map[eventstore.StreamID]*aggregate, error) {
	a, state := newAggregate(d)
	loaded := map[eventstore.StreamID]*aggregate{stream: a}
	if err := load(ctx, r, loaded); err != nil {
		return Outcome[S]{}, nil, err
	}
	return Outcome[S]{State: *state, Version: a.version, Position: a.position}, loaded, nil
}

// add adds to an append decided events of a stream that is at a version, and the tasks that they mean. id gives the n-th event its id.
func add[E aggregates.Event](h *Handler, a *eventstore.Append, stream eventstore.StreamID, at eventstore.Version, events []E, meta eventstore.Metadata, id func(n int) uuid.UUID) error {
	encoded := make([]eventstore.Event, 0, len(events))
	for n, e := range events {
		eventType, version, data, err := schemas.Encode(e)
		if err != nil {
			return err
		}
		encoded = append(encoded, eventstore.Event{ID: id(n), Type: eventType, SchemaVersion: version, Data: data, Metadata: meta})
		if h.tasks != nil {
			h.tasks(e, a)
		}
	}
	a.Streams = append(a.Streams, eventstore.StreamAppend{Stream: stream, Expected: eventstore.Exactly(at), Events: encoded})
	return nil
}

// pause waits a little before a command is decided again, longer with each attempt, so that writers of one stream spread.
func pause(ctx context.Context, attempt int) error {
	limit := time.Millisecond << min(attempt, 6)
	timer := time.NewTimer(rand.N(limit)) //nolint:gosec // jitter
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
