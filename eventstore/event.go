package eventstore

import (
	"strings"
	"time"

	"github.com/google/uuid"
)

// StreamID names the stream of one aggregate: a category, a dash, and the aggregate's own id, as in
// "order-0198c7a2-…" or "stock-MUG-1".
type StreamID string

// Category is the part before the first dash: "order" of "order-0198…".
func (s StreamID) Category() string {
	category, _, _ := strings.Cut(string(s), "-")
	return category
}

// Key is the part after the first dash, the aggregate's own id. It is the Kafka record key: everything that happens to
// one order, SKU or customer stays in one partition, in order.
func (s StreamID) Key() string {
	_, key, _ := strings.Cut(string(s), "-")
	return key
}

// Version is an event's place in its stream, 1..n. The version of a stream is that of its last event; 0 is a stream
// without events.
type Version int64

// Position is an event's place in the log of one service: gapless from 1, in the order of commits.
type Position int64

// Event is a fact that has not been stored yet.
type Event struct {
	ID            uuid.UUID // unique in the log; see [NewID] and [DeriveID]
	Type          string    // name in the schema registry, as in "OrderPlaced"
	SchemaVersion int       // version of that type's schema, from 1
	Data          []byte    // one JSON object, stored and published byte for byte
	Metadata      Metadata
}

// Metadata says where an event comes from. Empty fields are not stored.
type Metadata struct {
	CorrelationID string `json:"correlation_id,omitempty"` // the whole story: the same for all that follows from one request
	CausationID   string `json:"causation_id,omitempty"`   // the message right before this one: an event id or a request id
	Actor         string `json:"actor,omitempty"`          // who asked: a subject, or the step of a saga
	TraceParent   string `json:"traceparent,omitempty"`    // W3C trace context of the request that made the event
	TraceState    string `json:"tracestate,omitempty"`
}

// Recorded is a stored event: immutable, with its places and its time.
type Recorded struct {
	Event
	Stream     StreamID
	Version    Version
	Position   Position
	RecordedAt time.Time // clock of the database, UTC

	// Partition and Prev are fixed when the event is stored, so that publishing it is a pure function of the row.
	Partition int32    // Kafka partition of the stream's key, see [PartitionOf]
	Prev      Position // position of the event before this one in the same partition; 0 for the first
}

// NewID returns a fresh event id (UUID version 7: ordered by time, which keeps the index on ids narrow).
func NewID() uuid.UUID {
	return uuid.Must(uuid.NewV7())
}
