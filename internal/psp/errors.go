package psp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"
)

// UnknownError says that the provider may or may not have done what was asked: no answer came, or none that proves
// either. Call again under the same key, or query it; never treat it as a refusal.
type UnknownError struct {
	Op         string // "authorize", "query" and so on
	Key        string
	Err        error         // what went wrong; ends with the context's error if that ended the call
	RetryAfter time.Duration // that the provider asks to wait, 0 if it does not
}

func (e *UnknownError) Error() string {
	return fmt.Sprintf("%s %s: outcome unknown: %v", e.Op, e.Key, e.Err)
}

// Unwrap returns what went wrong.
func (e *UnknownError) Unwrap() error { return e.Err }

// TimedOut tells whether the answer did not come in time; else it is known at once that the call went wrong.
func (e *UnknownError) TimedOut() bool {
	var network net.Error
	return errors.Is(e.Err, context.DeadlineExceeded) || errors.As(e.Err, &network) && network.Timeout()
}

// RequestError says that the provider, or the client before it, rejected the request as wrong in itself. This call did
// nothing, and the same call will be rejected again: a mistake of ours, for an operator to see.
type RequestError struct {
	Op      string
	Key     string
	Code    string // [CodeInvalidRequest] or [CodeKeyReused]
	Message string // the provider's words
}

func (e *RequestError) Error() string {
	return fmt.Sprintf("%s %s: rejected as %s: %s", e.Op, e.Key, e.Code, e.Message)
}

// NotFoundError answers a query: the provider has no operation under this key. A request that is still on its way may
// yet make one, so this is no proof that nothing will be held: authorise again under the same key instead.
type NotFoundError struct {
	Key string
}

func (e *NotFoundError) Error() string {
	return fmt.Sprintf("query %s: the provider has no operation under this key", e.Key)
}
