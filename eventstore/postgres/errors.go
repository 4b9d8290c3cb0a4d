package postgres

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ordo-platform/ordo/eventstore"
)

// ClaimLostError says that a task is no longer this worker's: it was claimed again after the claim had expired, or it is
// done. What the worker did in its transaction must be rolled back.
type ClaimLostError struct {
	Task ClaimedTask
}

func (e *ClaimLostError) Error() string {
	return fmt.Sprintf("task %s %s: claim %d is lost", e.Task.Kind, e.Task.Key, e.Task.Attempt)
}

// LeaseLostError says that a lease is no longer this holder's. Whatever is done under it must stop.
type LeaseLostError struct {
	Name   string
	Holder string
	Epoch  int64 // the one that is over; 0 if the lease was never acquired
}

func (e *LeaseLostError) Error() string {
	return fmt.Sprintf("lease %s: %s lost it after epoch %d", e.Name, e.Holder, e.Epoch)
}

func (e *LeaseLostError) Unwrap() error { return eventstore.ErrLeaseLost }

// BehindEndError says that a verification was to begin behind the end of the log.
type BehindEndError struct {
	From, End eventstore.Position
}

func (e *BehindEndError) Error() string {
	return fmt.Sprintf("verify from %d: the log ends at %d", e.From, e.End)
}

// Answers of the server are told apart by SQLSTATE and constraint, never by their text.

const (
	constraintEventID       = "events_event_id_key"
	constraintStreamVersion = "events_stream_version_key"
	constraintReceipt       = "receipts_pkey"
)

// isNotNew reports that a stream, a key or an event id that was taken for new is not.
func isNotNew(err error) bool {
	answer, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || answer.Code != "23505" {
		return false
	}
	switch answer.ConstraintName {
	case constraintEventID, constraintStreamVersion, constraintReceipt:
		return true
	}
	return false
}

func isUndefinedTable(err error) bool { return sqlState(err) == "42P01" }

func isUndefinedColumn(err error) bool { return sqlState(err) == "42703" }

// isLockTimeout reports that someone has kept the head of the log for longer than the writer waits.
func isLockTimeout(err error) bool { return sqlState(err) == "55P03" }

// mayBeOneAppend reports whether an error may be the fault of a single append of a group, rather than of the server or
// the connection, so that its neighbours deserve to be tried alone.
func mayBeOneAppend(err error) bool {
	switch state := sqlState(err); {
	case strings.HasPrefix(state, "22"), // data exception
		strings.HasPrefix(state, "23"), // constraint violation
		strings.HasPrefix(state, "40"), // deadlock with a transaction that holds a row one append needs
		strings.HasPrefix(state, "54"), // program limit: JSON too deep
		strings.HasPrefix(state, "P0"): // raised by a trigger
		return true
	}
	return false
}

// sqlState returns the server's error code, empty if the error is not an answer of the server.
func sqlState(err error) string {
	if answer, ok := errors.AsType[*pgconn.PgError](err); ok {
		return answer.Code
	}
	return ""
}
