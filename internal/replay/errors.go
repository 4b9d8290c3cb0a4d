package replay

import (
	"fmt"
	"time"

	"github.com/ordo-platform/ordo/internal/generations"
)

// HeldError says that somebody else replays the read model.
type HeldError struct {
	Model  string
	Holder string
	Until  time.Time // unless it is renewed
}

func (e *HeldError) Error() string {
	return fmt.Sprintf("read model %s is being replayed by %s", e.Model, e.Holder)
}

// LostError says that the lease has passed to somebody else meanwhile: this replay was away for too long.
type LostError struct {
	Model string
}

func (e *LostError) Error() string {
	return fmt.Sprintf("another replay of %s has taken over", e.Model)
}

// NothingToResumeError says that no earlier replay has left anything.
type NothingToResumeError struct {
	Model string
}

func (e *NothingToResumeError) Error() string {
	return fmt.Sprintf("no replay of %s can be resumed", e.Model)
}

// DriftError says that generations differ that should not.
type DriftError struct {
	Report Report
}

func (e *DriftError) Error() string {
	r := e.Report
	return fmt.Sprintf("%s: %d of %d rows differ from the live generation %d", r.Model, r.Different, r.Rows, r.Live)
}

// UnfedError says that a generation cannot become live because no program that runs would keep it up to date.
type UnfedError struct {
	Generation generations.Generation
	Live       generations.Generation
	Behind     int64 // events that it has not applied and the live one has, at least
}

func (e *UnfedError) Error() string {
	text := fmt.Sprintf("generation %d of %s (fold version %d) is not fed by any running program", e.Generation.Number,
		e.Generation.Model, e.Generation.FoldVersion)
	if e.Behind > 0 {
		text += fmt.Sprintf(" and is %d positions behind the live generation %d", e.Behind, e.Live.Number)
	}
	return text
}

// NoRollbackError says that there is no generation to go back to.
type NoRollbackError struct {
	Model string
}

func (e *NoRollbackError) Error() string {
	return fmt.Sprintf("read model %s has no generation to go back to", e.Model)
}
