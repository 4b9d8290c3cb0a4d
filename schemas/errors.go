package schemas

import (
	"errors"
	"fmt"
)

// UnknownTypeError says that this binary does not know an event type: it was written by a newer one, or it is not ours.
type UnknownTypeError struct {
	Type string
}

func (e *UnknownTypeError) Error() string {
	return fmt.Sprintf("event type %q is unknown", e.Type)
}

// UnsupportedVersionError says that an event has a newer schema than this binary can read.
type UnsupportedVersionError struct {
	Type    string
	Version int
	Newest  int // that this binary knows
}

func (e *UnsupportedVersionError) Error() string {
	return fmt.Sprintf("%s v%d: newest known version is v%d", e.Type, e.Version, e.Newest)
}

// InvalidDataError says that an event's data is not what its type and version promise. Trying again does not help.
type InvalidDataError struct {
	Type    string
	Version int
	Err     error
}

func (e *InvalidDataError) Error() string {
	return fmt.Sprintf("%s v%d: invalid data: %v", e.Type, e.Version, e.Err)
}

func (e *InvalidDataError) Unwrap() error { return e.Err }

// Reasons of an [InvalidDataError] beside JSON that cannot be read.
var (
	// ErrIncomplete says that the data lacks what every event of its type says, or says what none may.
	ErrIncomplete = errors.New("a required member is missing, empty or out of range")
	// ErrUpcast says that an older version could not be brought to the newest one.
	ErrUpcast = errors.New("upcast")
)

var (
	errVersion = errors.New("versions start at 1")
	errJSON    = errors.New("not strict JSON: broken, with duplicate names, or with invalid UTF-8")
)
