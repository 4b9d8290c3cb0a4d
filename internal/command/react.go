package command

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/aggregates/payment"
	"github.com/ordo-platform/ordo/aggregates/reservation"
	"github.com/ordo-platform/ordo/aggregates/stock"
	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/sagas"
)

// React decides reactions in order, each on what the ones before it led to, and returns what is to be appended: one
// append per reaction that has something new. It reads every stream once, through r.
//
// Event ids are derived from cause and step, so the same reaction to the same event is the same append.
func (h *Handler) React(ctx context.Context, r eventstore.Reader, reactions []sagas.Caused) ([]eventstore.Append, error) {
	w := workingSet{reader: r, snapshots: &h.snapshots, streams: map[eventstore.StreamID]*aggregate{}}
	if err := w.load(ctx, streamsOf(reactions)); err != nil {
		return nil, err
	}
	var appends []eventstore.Append
	for _, reaction := range reactions {
		a, err := h.react(ctx, &w, reaction)
		if err != nil {
			return nil, fmt.Errorf("%s after %s: %w", reaction.Step, reaction.Cause.ID, err)
		}
		if len(a.Streams) > 0 {
			appends = append(appends, a)
		}
	}
	return appends, nil
}

func (h *Handler) react(ctx context.Context, w *workingSet, reaction sagas.Caused) (eventstore.Append, error) {
	decided, refused, err := w.decideAll(ctx, reaction.Try)
	if err != nil {
		return eventstore.Append{}, err
	}
	if len(refused) > 0 {
		if reaction.Else == nil {
			return eventstore.Append{}, fmt.Errorf("unexpected refusal of %T: %w", refused[0].Command, refused[0].Err)
		}
		if decided, refused, err = w.decideAll(ctx, reaction.Else(refused)); err != nil {
			return eventstore.Append{}, err
		}
		if len(refused) > 0 {
			return eventstore.Append{}, fmt.Errorf("unexpected refusal of %T: %w", refused[0].Command, refused[0].Err)
		}
	}
	return h.record(decided, reaction)
}

// record evolves the working set by what was decided and makes the append of it.
func (h *Handler) record(decided []decision, reaction sagas.Caused) (eventstore.Append, error) {
	meta := eventstore.Metadata{
		CorrelationID: reaction.Cause.Metadata.CorrelationID,
		CausationID:   reaction.Cause.ID.String(),
		Actor:         "step:" + reaction.Step,
		TraceParent:   reaction.Cause.Metadata.TraceParent,
		TraceState:    reaction.Cause.Metadata.TraceState,
	}
	var a eventstore.Append
	n := 0
	for _, d := range decided {
		if len(d.events) == 0 {
			continue
		}
		first := n
		err := add(h, &a, d.stream, d.agg.version, d.events, meta, func(i int) uuid.UUID {
			return eventstore.DeriveID(reaction.Cause.ID, reaction.Step, first+i)
		})
		if err != nil {
			return eventstore.Append{}, err
		}
		n += len(d.events)
		d.agg.evolve(d.events)
	}
	return a, nil
}

// workingSet holds the aggregates that a batch of reactions works on, each read once.
type workingSet struct {
	reader    eventstore.Reader
	snapshots *snapshots
	streams   map[eventstore.StreamID]*aggregate
}

func (a *aggregate) evolve(events []aggregates.Event) {
	for _, e := range events {
		if err := a.apply(e); err != nil {
			panic(err) // Decide made an event of another aggregate
		}
		a.version++
	}
}

// kinds are the aggregates that reactions send commands to, by the category of their streams.
var kinds = map[string]func() *aggregate{
	"order":       kind(order.Decider),
	"stock":       kind(stock.Decider),
	"reservation": kind(reservation.Decider),
	"payment":     kind(payment.Decider),
}

func kind[S any, C aggregates.Command, E aggregates.Event](d aggregates.Decider[S, C, E]) func() *aggregate {
	return func() *aggregate {
		a, _ := newAggregate(d)
		return a
	}
}

// decision is an accepted command with its events.
type decision struct {
	stream eventstore.StreamID
	agg    *aggregate
	events []aggregates.Event
}

// decideAll decides commands side by side, each on its own stream. Nothing has happened when it returns.
func (w *workingSet) decideAll(ctx context.Context, commands []aggregates.Command) ([]decision, []sagas.Refusal, error) {
	if err := w.load(ctx, targets(nil, commands)); err != nil {
		return nil, nil, err
	}
	decided := make([]decision, 0, len(commands))
	var refused []sagas.Refusal
	seen := make(map[eventstore.StreamID]bool, len(commands))
	for i, cmd := range commands {
		stream := eventstore.StreamID(cmd.Stream())
		if seen[stream] {
			return nil, nil, fmt.Errorf("two commands of one reaction are for %s", stream)
		}
		seen[stream] = true
		agg := w.streams[stream]
		events, err := agg.decide(cmd)
		var no *aggregates.RefusedError
		switch {
		case errors.As(err, &no):
			refused = append(refused, sagas.Refusal{Command: cmd, Err: err})
		case err != nil:
			return nil, nil, err
		case i == 0 && len(events) == 0:
			return nil, nil, nil // done before
		default:
			decided = append(decided, decision{stream: stream, agg: agg, events: events})
		}
	}
	return decided, refused, nil
}

// load reads those of the streams that are not in the working set yet.
func (w *workingSet) load(ctx context.Context, streams []eventstore.StreamID) error {
	missing := map[eventstore.StreamID]*aggregate{}
	for _, s := range streams {
		if w.streams[s] != nil {
			continue
		}
		newKind, ok := kinds[s.Category()]
		if !ok {
			return fmt.Errorf("no aggregate has streams like %s", s)
		}
		w.streams[s] = newKind()
		missing[s] = w.streams[s]
	}
	if len(missing) == 0 {
		return nil
	}
	if err := load(ctx, w.reader, missing); err != nil {
		return err
	}
	w.snapshots.consider(missing)
	return nil
}

func streamsOf(reactions []sagas.Caused) []eventstore.StreamID {
	var streams []eventstore.StreamID
	for _, r := range reactions {
		streams = targets(streams, r.Try)
	}
	return streams
}

func targets(streams []eventstore.StreamID, commands []aggregates.Command) []eventstore.StreamID {
	for _, c := range commands {
		streams = append(streams, eventstore.StreamID(c.Stream()))
	}
	return streams
}
