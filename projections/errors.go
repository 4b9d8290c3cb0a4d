package projections

import (
	"fmt"

	"github.com/ordo-platform/ordo/eventstore"
)

// NotFoundError says that a read model has no row for a key. It may come to have one: read models run behind the log.
type NotFoundError struct {
	ReadModel string
	Key       string
}

func (e *NotFoundError) Error() string {
	return fmt.Sprintf("%s %s: not found", e.ReadModel, e.Key)
}

// EventError says which event of a batch a read model could not take. Err tells why: an error of package schemas, an
// *[OutOfOrderError], or a history that cannot be. Trying again does not help.
type EventError struct {
	ReadModel string
	Stream    eventstore.StreamID
	Version   eventstore.Version
	Position  eventstore.Position
	Type      string
	Err       error
}

func (e *EventError) Error() string {
	return fmt.Sprintf("project %s version %d (%s at position %d) to %s: %v",
		e.Stream, e.Version, e.Type, e.Position, e.ReadModel, e.Err)
}

func (e *EventError) Unwrap() error { return e.Err }

// OutOfOrderError says that an event is not the next one of its row: one before it is missing, or it was applied before.
type OutOfOrderError struct {
	Version  eventstore.Version
	Position eventstore.Position
	After    Mark // what the row has
}

func (e *OutOfOrderError) Error() string {
	return fmt.Sprintf("version %d at position %d does not follow version %d at position %d",
		e.Version, e.Position, e.After.Version, e.After.Position)
}

// UnhandledEventError says that a fold wants an event and does not know what it means: a mistake in the read model, which
// has not followed its aggregate.
type UnhandledEventError struct {
	Type string
}

func (e *UnhandledEventError) Error() string {
	return fmt.Sprintf("what %s means is not written down", e.Type)
}

// OvertakenError says that rows of the batch were stored meanwhile at the same or a later position: another instance
// projects the same partition and is ahead. An ordinary end of this instance's turn.
type OvertakenError struct {
	ReadModel string
	Rows      int
}

func (e *OvertakenError) Error() string {
	return fmt.Sprintf("save %s: someone is ahead on %d rows", e.ReadModel, e.Rows)
}
