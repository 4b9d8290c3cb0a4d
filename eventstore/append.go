package eventstore

import (
	"context"
	"time"
)

// Append is what one caller wants stored as a whole: events of one or several streams, and the rows that must be there
// exactly if the events are.
type Append struct {
	Streams []StreamAppend // each stream at most once; their events get consecutive positions in this order
	Receipt *Receipt       // optional: the answer to a request with an idempotency key
	Tasks   []Task         // optional: work that must follow
	Done    []TaskID       // optional: tasks that appends before this one asked for, and that there is nothing left to do for
}

// StreamAppend is the part of an [Append] that concerns one stream.
type StreamAppend struct {
	Stream   StreamID
	Expected Expected
	Events   []Event // at least one
}

// Expected is the condition a stream must meet at the moment of the append: a [Version] it must have, or [AnyVersion].
type Expected int64

const (
	// NoStream expects that the stream has no events yet.
	NoStream Expected = 0
	// AnyVersion appends whatever the stream's version is.
	AnyVersion Expected = -1
)

// Exactly expects the stream to be at version v.
func Exactly(v Version) Expected { return Expected(v) }

// Receipt remembers the answer to a request that carried an idempotency key. It is stored in the transaction of the
// request's events, so the key is used up exactly if the events exist.
type Receipt struct {
	Scope       string // who asked, and which operation: keys of different scopes never meet
	Key         string // the client's idempotency key
	Fingerprint []byte // hash of the request: the same key with another request is a mistake of the client
	Response    []byte // what the request was answered, opaque to the store

	Position Position  // last position of the append; set by the store
	At       time.Time // when it was stored; set by the store
}

// Task is work that must follow an append: a call to the outside, later also a deadline. It is a row written in the
// transaction of the events; a worker claims it when it is due and removes it in the transaction that records the outcome.
type Task struct {
	Kind  string        // which worker
	Key   string        // what for: with Kind the task's identity; one that is stored again is due at the earlier of both times
	Delay time.Duration // due this long after the append; 0 at once
}

// TaskID names a task. One that is done is removed, also while a worker has it; if the worker is just claiming it, removing
// it itself or giving it back, it is left to the worker.
type TaskID struct{ Kind, Key string }

// ID returns the task's identity.
func (t Task) ID() TaskID { return TaskID{t.Kind, t.Key} }

// Commit says where an append was stored.
type Commit struct {
	First, Last Position  // the append's events hold First..Last, in the order given
	Versions    []Version // version of each stream after the append, in the order given
	RecordedAt  time.Time
}

// Appender stores events.
type Appender interface {
	// Append stores a whole, or fails and stores nothing. Errors a caller can decide on: *[ConflictError],
	// *[DuplicateEventError], *[KeyUsedError], *[LimitError], [ErrBusy], [ErrUnavailable], and [ErrOutcomeUnknown]: only with
	// the last may the append have been stored. When ctx ends, the caller stops waiting with ctx's error, and the append may still happen.
	Append(ctx context.Context, a Append) (Commit, error)
}

// Reader reads stored events. Each call sees the log at one moment.
type Reader interface {
	// ReadStream returns the events of a stream after version after, oldest first, at most limit of them (0 = all). A stream
	// without events is an empty slice.
	ReadStream(ctx context.Context, stream StreamID, after Version, limit int) ([]Recorded, error)

	// ReadStreams returns several streams in one go. streams says for each which state version a snapshot must have to stand
	// for the events it was made of; 0 is all events and no snapshot.
	ReadStreams(ctx context.Context, streams map[StreamID]int) (map[StreamID]History, error)

	// ReadLog returns up to limit events of the whole log after position after, in order.
	ReadLog(ctx context.Context, after Position, limit int) ([]Recorded, error)

	// Head returns the position of the last event in the log, 0 for an empty one.
	Head(ctx context.Context) (Position, error)
}

// Limits that every append is checked against, with margin below what brokers accept by default, so that no stored
// event can ever block the relay.
const (
	MaxEventBytes       = 256 << 10 // data of one event
	MaxMetadataBytes    = 8 << 10   // metadata of one event, as JSON
	MaxTypeBytes        = 128       // type name
	MaxStreamBytes      = 256       // stream id
	MaxEventsPerAppend  = 1000
	MaxStreamsPerAppend = 128
)
