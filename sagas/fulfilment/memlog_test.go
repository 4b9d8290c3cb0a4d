package fulfilment_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/schemas"
)

// memLog is an event log in memory, for one goroutine.
type memLog struct {
	position   eventstore.Position
	streams    map[eventstore.StreamID][]eventstore.Recorded
	partitions map[string][]eventstore.Recorded // by the key of the streams, less those of goods
}

// append stores what was decided on this very log, so there is no conflict. Versions are checked all the same.
func (l *memLog) append(a eventstore.Append) []eventstore.Recorded {
	var added []eventstore.Recorded
	for _, s := range a.Streams {
		if v := len(l.streams[s.Stream]); s.Expected != eventstore.Exactly(eventstore.Version(v)) {
			panic(fmt.Sprintf("%s is at %d, not at %d", s.Stream, v, s.Expected))
		}
		for _, e := range s.Events {
			added = append(added, l.store(s.Stream, e))
		}
	}
	return added
}

func (l *memLog) store(stream eventstore.StreamID, e eventstore.Event) eventstore.Recorded {
	for _, before := range l.streams[stream] {
		if before.ID == e.ID {
			panic(fmt.Sprintf("%s is stored twice", e.Type))
		}
	}
	l.position++
	rec := eventstore.Recorded{
		Event: e, Stream: stream, Version: eventstore.Version(len(l.streams[stream]) + 1), Position: l.position, RecordedAt: start,
	}
	l.streams[stream] = append(l.streams[stream], rec)
	if key := stream.Key(); !strings.HasPrefix(string(stream), "stock-") {
		l.partitions[key] = append(l.partitions[key], rec)
	}
	return rec
}

// add stores events as they are.
func (l *memLog) add(t fataler, stream eventstore.StreamID, events ...aggregates.Event) {
	for _, e := range events {
		l.store(stream, encoded(t, e))
	}
}

func (l *memLog) ReadStream(_ context.Context, stream eventstore.StreamID, after eventstore.Version, _ int) ([]eventstore.Recorded, error) {
	return l.streams[stream][after:], nil
}

func (l *memLog) ReadStreams(_ context.Context, streams map[eventstore.StreamID]int) (map[eventstore.StreamID]eventstore.History, error) {
	all := make(map[eventstore.StreamID]eventstore.History, len(streams))
	for s := range streams {
		all[s] = eventstore.History{Events: l.streams[s]}
	}
	return all, nil
}

func (l *memLog) SaveSnapshots(context.Context, ...eventstore.Snapshot) error { return nil }

func (l *memLog) ReadLog(context.Context, eventstore.Position, int) ([]eventstore.Recorded, error) {
	return nil, errors.New("nobody reads the whole log here")
}

func (l *memLog) Head(context.Context) (eventstore.Position, error) { return l.position, nil }

func encoded(t fataler, e aggregates.Event) eventstore.Event {
	eventType, version, data, err := schemas.Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	return eventstore.Event{ID: eventstore.NewID(), Type: eventType, SchemaVersion: version, Data: data}
}

func decoded(t fataler, e eventstore.Recorded) aggregates.Event {
	payload, err := schemas.Decode(e.Event)
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

func asRefused(err error) (*aggregates.RefusedError, bool) {
	return errors.AsType[*aggregates.RefusedError](err)
}
