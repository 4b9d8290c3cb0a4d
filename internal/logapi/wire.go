package logapi

import (
	"time"

	"github.com/google/uuid"

	"github.com/ordo-platform/ordo/eventstore"
)

// event is a recorded event as it travels.
type event struct {
	Position      eventstore.Position `json:"position"`
	Prev          eventstore.Position `json:"prev"`
	Partition     int32               `json:"partition"`
	Stream        eventstore.StreamID `json:"stream"`
	Version       eventstore.Version  `json:"version"`
	ID            uuid.UUID           `json:"id"`
	Type          string              `json:"type"`
	SchemaVersion int                 `json:"schema_version"`
	RecordedAt    time.Time           `json:"recorded_at"`
	Data          []byte              `json:"data"` // base64: byte for byte as stored
	Metadata      eventstore.Metadata `json:"metadata"`
}

// task is a task that is not done, as it travels.
type task struct {
	Found     bool      `json:"found"`
	Attempt   int       `json:"attempt"`
	Due       time.Time `json:"due"`
	LastError string    `json:"last_error"`
}

type page struct {
	Events []event `json:"events"`
}

func newPage(recorded []eventstore.Recorded) page {
	p := page{Events: make([]event, len(recorded))}
	for i, r := range recorded {
		p.Events[i] = event{
			Position: r.Position, Prev: r.Prev, Partition: r.Partition, Stream: r.Stream, Version: r.Version, ID: r.ID, Type: r.Type,
			SchemaVersion: r.SchemaVersion, RecordedAt: r.RecordedAt, Data: r.Data, Metadata: r.Metadata,
		}
	}
	return p
}

func (p page) recorded() []eventstore.Recorded {
	recorded := make([]eventstore.Recorded, len(p.Events))
	for i, e := range p.Events {
		recorded[i] = eventstore.Recorded{
			Event:  eventstore.Event{ID: e.ID, Type: e.Type, SchemaVersion: e.SchemaVersion, Data: e.Data, Metadata: e.Metadata},
			Stream: e.Stream, Version: e.Version, Position: e.Position, RecordedAt: e.RecordedAt.UTC(), Partition: e.Partition, Prev: e.Prev,
		}
	}
	return recorded
}
