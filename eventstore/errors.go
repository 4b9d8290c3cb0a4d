package eventstore

import (
	"errors"
	"fmt"

	"github.com/google/uuid"
)

// ErrConflict says that someone else has appended first. Read again, decide again.
var ErrConflict = errors.New("conflict with another append")

// ConflictError is the [ErrConflict] of a stream that was not at the expected version.
type ConflictError struct {
	Stream   StreamID
	Expected Expected
	Actual   Version
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("append %s: conflict: expected version %d, found %d", e.Stream, e.Expected, e.Actual)
}

// Is says that it is an [ErrConflict].
func (e *ConflictError) Is(target error) bool { return target == ErrConflict }

// DuplicateEventError says that an event with this id is already stored: the same command was executed before.
type DuplicateEventError struct {
	ID uuid.UUID // zero if the database did not say which
}

func (e *DuplicateEventError) Error() string {
	return fmt.Sprintf("append: event %s is already stored", e.ID)
}

// KeyUsedError says that the append's idempotency key has been used; Receipt is what was stored then.
type KeyUsedError struct {
	Receipt Receipt
}

func (e *KeyUsedError) Error() string {
	return fmt.Sprintf("append: idempotency key %q is used", e.Receipt.Key)
}

// LimitError says which limit an append breaks. Nothing was stored.
type LimitError struct {
	Stream StreamID
	What   string // "event data", "metadata", …
	Size   int
	Limit  int    // 0 when the value is not too large but not allowed at all
	Reason string // set when Limit is 0: "not valid UTF-8", …
}

func (e *LimitError) Error() string { return fmt.Sprintf("append %s: %s", e.Stream, e.Detail()) }

// Detail is the error without the name of the stream, for those who asked for something else than an append.
func (e *LimitError) Detail() string {
	if e.Limit == 0 {
		return fmt.Sprintf("%s: %s", e.What, e.Reason)
	}
	return fmt.Sprintf("%s: %d is over the limit of %d", e.What, e.Size, e.Limit)
}

var (
	// ErrOutcomeUnknown says that the append may or may not have been stored, and that the store could not find out. Retry
	// with the same ids or idempotency key: it will not be stored twice.
	ErrOutcomeUnknown = errors.New("append: outcome unknown")

	// ErrBusy says that too many appends are waiting already; nothing was stored. Retry a little later.
	ErrBusy = errors.New("append: store is busy")

	// ErrUnavailable says that the database cannot be written to, as after a failover that has made it a standby; nothing was
	// stored. Retry later.
	ErrUnavailable = errors.New("append: store is unavailable")

	// ErrClosed says that the store is shutting down; nothing was stored.
	ErrClosed = errors.New("append: store is closed")

	// ErrLeaseLost says that a lease is another's now. Whatever is done under it must stop.
	ErrLeaseLost = errors.New("lease lost")
)
