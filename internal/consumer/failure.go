package consumer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// Verdict says what the failure of one event means.
type Verdict struct {
	Class  string // short and stable, as in "undecodable": dead letters are grouped by it
	Action Action
}

// Action is what to do about an event that could not be applied.
type Action int

const (
	// Retry it a few times, then park its key: the event may be at fault.
	Retry Action = iota
	// Park its key at once: the event is at fault, and trying again does not help.
	Park
	// Pause its partition and try again for ever: something else is at fault.
	Pause
	// Doubt whose fault it is. The event is parked only if others were applied while it failed again and again: an outage
	// would have hit them too.
	Doubt
	// Stop its partition until it is assigned anew: to go on without the event would be wrong, and so would be to park it.
	Stop
)

// Classes of failures that the runtime knows by itself.
const (
	ClassBadEnvelope = "bad_envelope" // a record that is no event
	ClassForeign     = "foreign"      // an event that is not in the log of its service
	classPanic       = "panic"
	classTimeout     = "timeout"
	classDatabase    = "database"
	classUnreachable = "unreachable"
	classFailed      = "failed"
)

// PanicError is a panic of a handler.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("handler panicked: %v", e.Value) }

// judge asks the handler's own rules, then the general ones.
func (c *Config) judge(err error) Verdict {
	if c.Judge != nil {
		if v, known := c.Judge(err); known {
			return v
		}
	}
	if _, panicked := errors.AsType[*PanicError](err); panicked {
		return Verdict{classPanic, Retry}
	}
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return Verdict{classDatabase, judgeServer(pg.Code)}
	}
	var network net.Error
	var connect *pgconn.ConnectError
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return Verdict{classTimeout, Doubt}
	case errors.As(err, &connect), errors.As(err, &network), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, net.ErrClosed), pgconn.SafeToRetry(err):
		return Verdict{classUnreachable, Pause}
	}
	return Verdict{classFailed, Retry}
}

// judgeServer reads an SQLSTATE.
func judgeServer(code string) Action {
	if code == "57014" { // query_canceled: by a timeout
		return Doubt
	}
	switch code[:min(2, len(code))] {
	case "08", "28", "3D", "42", "53", "57", "58", "F0", "XX": // connection, login, missing tables, full, shutdown, disk, corruption
		return Pause
	case "25", "40", "55": // a read-only standby, contention, locks
		return Doubt
	default: // the data: constraints, values out of range
		return Retry
	}
}

// failure is why an event was set aside.
type failure struct {
	class       string
	message     string
	fingerprint string
	attempts    int
	first, last time.Time
}

const maxMessage = 2000

// noTime stands for "just now" as the beginning of a failure.
var noTime time.Time

func (c *Config) newFailure(class string, cause error, eventType string, attempts int, since time.Time) *failure {
	now := time.Now()
	if since.IsZero() {
		since = now
	}
	message := strings.ToValidUTF8(strings.ReplaceAll(cause.Error(), "\x00", ""), "�")
	if len(message) > maxMessage {
		message = strings.ToValidUTF8(message[:maxMessage], "") + "…"
	}
	return &failure{
		class: class, message: message, fingerprint: fingerprint(c.Name, class, message, eventType),
		attempts: attempts, first: since, last: now,
	}
}

// fingerprint is the same for failures that have one cause: handler, class, type of the event, and the message without what
// differs from event to event.
func fingerprint(handler, class, message, eventType string) string {
	h := sha256.Sum256([]byte(strings.Join([]string{handler, class, normalise(message), eventType}, "\x00")))
	return hex.EncodeToString(h[:6])
}

var (
	quotedText  = regexp.MustCompile(`"[^"]*"`)
	identifiers = regexp.MustCompile(`\b[0-9A-Za-z_-]*[0-9][0-9A-Za-z_-]*\b`) // with a digit: ids, numbers, SKUs
)

func normalise(message string) string {
	return identifiers.ReplaceAllString(quotedText.ReplaceAllString(message, "<text>"), "<id>")
}
