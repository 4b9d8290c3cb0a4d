// Package projectiontest makes logs of recorded events for tests of read models, and folds them in the plainest way there
// is, as what a projector must agree with.
//
// Start reading at [Log].
package projectiontest

import (
	"slices"
	"time"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/projections"
	"github.com/ordo-platform/ordo/schemas"
)

// Log is the log of one service, grown by a test. Everything in it follows from the calls of Append: the same calls give
// the same log, ids and times included. The zero Log is empty.
type Log struct {
	events   []eventstore.Recorded
	versions map[eventstore.StreamID]eventstore.Version
}

// Append records an event on a stream. It panics on an event that package schemas does not know: the test is wrong then.
func (l *Log) Append(stream string, payload aggregates.Event) eventstore.Recorded {
	eventType, schemaVersion, data, err := schemas.Encode(payload)
	if err != nil {
		panic(err)
	}
	if l.versions == nil {
		l.versions = make(map[eventstore.StreamID]eventstore.Version)
	}
	id := eventstore.StreamID(stream)
	l.versions[id]++
	position := eventstore.Position(len(l.events) + 1)
	recorded := eventstore.Recorded{
		Event: eventstore.Event{
			ID:            eventstore.DeriveID([16]byte{}, stream, int(l.versions[id])),
			Type:          eventType,
			SchemaVersion: schemaVersion,
			Data:          data,
		},
		Stream:     id,
		Version:    l.versions[id],
		Position:   position,
		RecordedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Add(time.Duration(position) * time.Second),
	}
	l.events = append(l.events, recorded)
	return recorded
}

// Events returns all events so far.
func (l *Log) Events() []eventstore.Recorded {
	return slices.Clip(l.events)
}

// Fold applies events to a model one by one, without a database.
func Fold[R any](model projections.Model[R], events []eventstore.Recorded) (map[string]R, error) {
	rows := make(map[string]R)
	for _, recorded := range events {
		payload, err := schemas.Decode(recorded.Event)
		if err != nil {
			return nil, err
		}
		event := projections.Event{Recorded: recorded, Payload: payload}
		key, ok := model.Key(event)
		if !ok {
			continue
		}
		row, err := model.Apply(rows[key], event)
		if err != nil {
			return nil, err
		}
		rows[key] = row
	}
	return rows, nil
}
