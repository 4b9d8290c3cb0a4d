package httpapi

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"regexp"
	"strings"

	"github.com/ordo-platform/ordo/eventstore"
)

// subject is who asks, as long as nobody has to say who they are.
const subject = "anonymous"

const maxTraceState = 512 // characters; the W3C asks to carry at least this many

// traceParent is a W3C trace context of version 00: trace id, parent id, flags.
var traceParent = regexp.MustCompile(`^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$`)

// trace names one request in problems, logs and in all events that follow from it.
type trace struct {
	id     string // 32 hex digits
	parent string // traceparent
	state  string // tracestate; only with a parent that the client sent
}

type traceKey struct{}

func traceOf(ctx context.Context) trace {
	t, _ := ctx.Value(traceKey{}).(trace)
	return t
}

// newTrace continues the trace a request says it belongs to, or begins one. A traceparent that is not valid is ignored, as
// the W3C asks.
func newTrace(r *http.Request) trace {
	if sent := r.Header.Values("traceparent"); len(sent) == 1 {
		m := traceParent.FindStringSubmatch(sent[0])
		if m != nil && strings.Trim(m[1], "0") != "" && strings.Trim(m[2], "0") != "" {
			t := trace{id: m[1], parent: sent[0]}
			if state := strings.Join(r.Header.Values("tracestate"), ","); len(state) <= maxTraceState && printable(state) {
				t.state = state
			}
			return t
		}
	}
	var ids [24]byte
	_, _ = rand.Read(ids[:]) // never fails
	id, span := hex.EncodeToString(ids[:16]), hex.EncodeToString(ids[16:])
	return trace{id: id, parent: "00-" + id + "-" + span + "-00"}
}

// metadata is what the events of a request remember of it.
func (t trace) metadata() eventstore.Metadata {
	return eventstore.Metadata{CorrelationID: t.id, Actor: subject, TraceParent: t.parent, TraceState: t.state}
}

// printable says whether s is printable ASCII.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
