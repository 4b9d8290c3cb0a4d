package eventstore

import "github.com/google/uuid"

// MaxSnapshotBytes bounds the state of a [Snapshot]. A larger one is not kept: reading it would take as long as the events.
const MaxSnapshotBytes = 1 << 20

// Snapshot is the state that the events of a stream, up to one of them, lead to. It saves reading and folding those again
// and nothing more: all snapshots can be deleted at any time.
type Snapshot struct {
	Stream       StreamID
	Version      Version   // of the last event that is in it
	EventID      uuid.UUID // of the same event: a snapshot counts only for the history it was taken from
	StateVersion int       // which form and meaning the state has; a reader gets only the one it asks for
	State        []byte    // JSON

	Position Position // of that event; set by the store when the snapshot is read
}

// History is a stream as it is read to be folded.
type History struct {
	Snapshot *Snapshot  // nil: the events are all there are
	Events   []Recorded // those after the snapshot, oldest first
}
