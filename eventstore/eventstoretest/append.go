package eventstoretest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ordo-platform/ordo/eventstore"
)

func wantConflict(t *testing.T, err error, want eventstore.ConflictError) {
	t.Helper()
	if got, ok := errors.AsType[*eventstore.ConflictError](err); !ok || *got != want {
		t.Errorf("error %v, want %v", err, &want)
	}
}

func testExpectedVersions(t *testing.T, s Store) {
	ctx := t.Context()
	const stream = "order-1"
	_, err := s.Append(ctx, to(stream, eventstore.Exactly(1), event()))
	wantConflict(t, err, eventstore.ConflictError{Stream: stream, Expected: 1, Actual: 0})

	mustAppend(t, s, to(stream, eventstore.NoStream, event(), event()))
	_, err = s.Append(ctx, to(stream, eventstore.NoStream, event()))
	wantConflict(t, err, eventstore.ConflictError{Stream: stream, Expected: 0, Actual: 2})
	_, err = s.Append(ctx, to(stream, eventstore.Exactly(1), event()))
	wantConflict(t, err, eventstore.ConflictError{Stream: stream, Expected: 1, Actual: 2})
	_, err = s.Append(ctx, to(stream, eventstore.Exactly(3), event()))
	wantConflict(t, err, eventstore.ConflictError{Stream: stream, Expected: 3, Actual: 2})

	mustAppend(t, s, to(stream, eventstore.Exactly(2), event()))
	commit := mustAppend(t, s, to(stream, eventstore.AnyVersion, event()))
	if commit.First != 4 || commit.Last != 4 || commit.Versions[0] != 4 {
		t.Errorf("commit %+v, want position 4 and version 4", commit)
	}
	mustAppend(t, s, to("order-2", eventstore.AnyVersion, event()))
	wantLog(t, s, 5)
}

func testSeveralStreamsAreAtomic(t *testing.T, s Store) {
	mustAppend(t, s, to("stock-B", eventstore.NoStream, event()))
	both := func(b eventstore.Expected) eventstore.Append {
		return eventstore.Append{
			Streams: []eventstore.StreamAppend{
				{Stream: "stock-A", Expected: eventstore.NoStream, Events: []eventstore.Event{event(), event()}},
				{Stream: "stock-B", Expected: b, Events: []eventstore.Event{event()}},
				{Stream: "reservation-1", Expected: eventstore.NoStream, Events: []eventstore.Event{event()}},
			},
			Receipt: &eventstore.Receipt{Scope: "s", Key: "k"},
		}
	}
	_, err := s.Append(t.Context(), both(eventstore.NoStream))
	wantConflict(t, err, eventstore.ConflictError{Stream: "stock-B", Expected: 0, Actual: 1})
	wantLog(t, s, 1)
	if _, used, err := s.Receipt(t.Context(), "s", "k"); used || err != nil {
		t.Errorf("receipt of a failed append: %v, %v", used, err)
	}

	commit := mustAppend(t, s, both(eventstore.Exactly(1)))
	if commit.First != 2 || commit.Last != 5 || !reflect.DeepEqual(commit.Versions, []eventstore.Version{2, 2, 1}) {
		t.Errorf("commit: %+v", commit)
	}
	log := wantLog(t, s, 5)
	for i, want := range []eventstore.StreamID{"stock-B", "stock-A", "stock-A", "stock-B", "reservation-1"} {
		if log[i].Stream != want {
			t.Errorf("event %d is of %s, want %s", i+1, log[i].Stream, want)
		}
	}
}

func testDuplicateEvents(t *testing.T, s Store) {
	stored := event()
	mustAppend(t, s, to("order-1", eventstore.NoStream, stored))
	for _, stream := range []eventstore.StreamID{"order-1", "order-2"} {
		_, err := s.Append(t.Context(), to(stream, eventstore.AnyVersion, event(), stored))
		if duplicate, ok := errors.AsType[*eventstore.DuplicateEventError](err); !ok || duplicate.ID != stored.ID {
			t.Errorf("append to %s: error %v, want duplicate of %s", stream, err, stored.ID)
		}
	}
	mustAppend(t, s, to("order-1", eventstore.Exactly(1), event()))
	wantLog(t, s, 2)
}

func testReceipts(t *testing.T, s Store) {
	ctx := t.Context()
	with := func(scope, key, response string) eventstore.Append {
		a := to(eventstore.StreamID("order-"+uuid.NewString()), eventstore.NoStream, event(), event())
		a.Receipt = &eventstore.Receipt{Scope: scope, Key: key, Fingerprint: []byte{0, 1, 255}, Response: []byte(response)}
		return a
	}
	commit := mustAppend(t, s, with("alice", "1", "first\x00"))
	want := eventstore.Receipt{
		Scope: "alice", Key: "1", Fingerprint: []byte{0, 1, 255}, Response: []byte("first\x00"),
		Position: commit.Last, At: commit.RecordedAt,
	}
	if got, used, err := s.Receipt(ctx, "alice", "1"); err != nil || !used || !reflect.DeepEqual(got, want) {
		t.Errorf("receipt %+v, %v, %v, want\n%+v", got, used, err, want)
	}

	_, err := s.Append(ctx, with("alice", "1", "second"))
	if used, ok := errors.AsType[*eventstore.KeyUsedError](err); !ok || !reflect.DeepEqual(used.Receipt, want) {
		t.Errorf("error %v, want the receipt of the first append", err)
	}
	// The key answers the request, even if the request would fail now.
	again := with("alice", "1", "second")
	again.Streams[0].Expected = eventstore.Exactly(100)
	_, err = s.Append(ctx, again)
	if _, ok := errors.AsType[*eventstore.KeyUsedError](err); !ok {
		t.Errorf("error %v, want key used", err)
	}

	mustAppend(t, s, with("alice", "2", "other key"))
	mustAppend(t, s, with("bob", "1", "other scope"))
	empty := with("carol", "1", "")
	empty.Receipt.Fingerprint = nil
	mustAppend(t, s, empty)
	wantLog(t, s, 8)
}

func testLimits(t *testing.T, s Store) {
	data := func(size int) []byte { return fmt.Appendf(nil, `{"a":"%s"}`, strings.Repeat("x", size-8)) }
	events := func(n int) []eventstore.Event {
		events := make([]eventstore.Event, n)
		for i := range events {
			events[i] = event()
		}
		return events
	}
	streams := func(n int) eventstore.Append {
		var a eventstore.Append
		for i := range n {
			a.Streams = append(a.Streams, to(eventstore.StreamID(fmt.Sprint("order-many", i)), 0, event()).Streams...)
		}
		return a
	}
	valid := func(change func(a *eventstore.Append)) eventstore.Append {
		a := to(eventstore.StreamID("order-"+uuid.NewString()), eventstore.NoStream, event())
		change(&a)
		return a
	}
	withEvent := func(change func(e *eventstore.Event)) eventstore.Append {
		return valid(func(a *eventstore.Append) { change(&a.Streams[0].Events[0]) })
	}
	withData := func(data string) eventstore.Append {
		return withEvent(func(e *eventstore.Event) { e.Data = []byte(data) })
	}
	withStream := func(id string) eventstore.Append {
		return valid(func(a *eventstore.Append) { a.Streams[0].Stream = eventstore.StreamID(id) })
	}
	withType := func(name string) eventstore.Append { return withEvent(func(e *eventstore.Event) { e.Type = name }) }
	withActor := func(actor string) eventstore.Append {
		return withEvent(func(e *eventstore.Event) { e.Metadata.Actor = actor })
	}
	const metadataFrame = len(`{"actor":""}`)

	accepted := map[string]eventstore.Append{
		"largest data":      withEvent(func(e *eventstore.Event) { e.Data = data(eventstore.MaxEventBytes) }),
		"largest metadata":  withActor(strings.Repeat("x", eventstore.MaxMetadataBytes-metadataFrame)),
		"longest type":      withType(strings.Repeat("T", eventstore.MaxTypeBytes)),
		"longest stream":    withStream("order-" + strings.Repeat("x", eventstore.MaxStreamBytes-6)),
		"most events":       to("order-long", eventstore.NoStream, events(eventstore.MaxEventsPerAppend)...),
		"most streams":      streams(eventstore.MaxStreamsPerAppend),
		"empty object":      withData(`{}`),
		"escaped backslash": withData(`{"a":"\\u0000 \\\\u0000"}`),
		"deepest nesting":   withData(`{"a":` + strings.Repeat("[", 9999) + strings.Repeat("]", 9999) + `}`),
		"lone surrogate":    withData(`{"a":"\ud800"}`),
		"dashes in the key": withStream("stock-MUG-1-"),
	}
	stored := 0
	for name, a := range accepted {
		if _, err := s.Append(t.Context(), a); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, stream := range a.Streams {
			stored += len(stream.Events)
		}
	}

	refused := map[string]eventstore.Append{
		"data too large":      withEvent(func(e *eventstore.Event) { e.Data = data(eventstore.MaxEventBytes + 1) }),
		"metadata too large":  withActor(strings.Repeat("x", eventstore.MaxMetadataBytes-metadataFrame+1)),
		"metadata not UTF-8":  withActor("\xff"),
		"type too long":       withType(strings.Repeat("T", eventstore.MaxTypeBytes+1)),
		"type empty":          withType(""),
		"type with newline":   withType("Order\nPlaced"),
		"type not UTF-8":      withType("Order\xff"),
		"stream too long":     withStream("order-" + strings.Repeat("x", eventstore.MaxStreamBytes-5)),
		"stream empty":        withStream(""),
		"stream without dash": withStream("order"),
		"stream without key":  withStream("order-"),
		"stream without kind": withStream("-1"),
		"stream with NUL":     withStream("order-\x00"),
		"stream with bidi":    withStream("order-\u202e1"),
		"stream not UTF-8":    withStream("order-\xff"),
		"stream twice": valid(func(a *eventstore.Append) {
			a.Streams = append(a.Streams, to(a.Streams[0].Stream, 1, event()).Streams...)
		}),
		"too many events":     to("order-long", eventstore.AnyVersion, events(eventstore.MaxEventsPerAppend+1)...),
		"too many streams":    streams(eventstore.MaxStreamsPerAppend + 1),
		"no streams":          {},
		"no events":           to("order-1", eventstore.NoStream),
		"no id":               withEvent(func(e *eventstore.Event) { e.ID = uuid.Nil }),
		"no schema version":   withEvent(func(e *eventstore.Event) { e.SchemaVersion = 0 }),
		"expected version -2": valid(func(a *eventstore.Append) { a.Streams[0].Expected = -2 }),
		"id twice": valid(func(a *eventstore.Append) {
			a.Streams[0].Events = append(a.Streams[0].Events, a.Streams[0].Events[0])
		}),
		"no data":         withData(``),
		"not JSON":        withData(`{"a":`),
		"trailing data":   withData(`{} {}`),
		"not an object":   withData(`[]`),
		"null":            withData(`null`),
		"data not UTF-8":  withData("{\"a\":\"\xff\"}"),
		"raw NUL":         withData("{\"a\":\"\x00\"}"),
		"escaped NUL":     withData(`{"a":"\u0000"}`),
		"NUL after \\":    withData(`{"a":"\\\u0000"}`),
		"NUL in a name":   withData(`{"\\u0000\u0000":1}`),
		"NUL in metadata": withActor("a\x00"),
		"nested too deep": withData(`{"a":` + strings.Repeat("[", 10000) + strings.Repeat("]", 10000) + `}`),
		"byte order mark": withData("\ufeff{}"),
		"receipt without key": valid(func(a *eventstore.Append) {
			a.Receipt = &eventstore.Receipt{Scope: "s"}
		}),
		"receipt with NUL": valid(func(a *eventstore.Append) {
			a.Receipt = &eventstore.Receipt{Scope: "s", Key: "\x00"}
		}),
		"task without kind":     valid(func(a *eventstore.Append) { a.Tasks = []eventstore.Task{{Key: "k"}} }),
		"done task without key": valid(func(a *eventstore.Append) { a.Done = []eventstore.TaskID{{Kind: "k"}} }),
		"task in the past": valid(func(a *eventstore.Append) {
			a.Tasks = []eventstore.Task{{Kind: "k", Key: "k", Delay: -time.Second}}
		}),
	}
	for name, a := range refused {
		_, err := s.Append(t.Context(), a)
		if _, ok := errors.AsType[*eventstore.LimitError](err); !ok {
			t.Errorf("%s: error %v, want a LimitError", name, err)
		}
	}
	wantLog(t, s, stored)
}

func testCallerOwnsItsMemory(t *testing.T, s Store) {
	e := event()
	original := bytes.Clone(e.Data)
	a := to("order-1", eventstore.NoStream, e)
	commit := mustAppend(t, s, a)
	for i := range e.Data {
		e.Data[i] = '!'
	}
	commit.Versions[0] = 99
	log := wantLog(t, s, 1)
	log[0].Data[0] = '!'
	if again := ReadAll(t, s); !bytes.Equal(again[0].Data, original) {
		t.Errorf("stored data is now %q", again[0].Data)
	}
	mustAppend(t, s, to("order-1", eventstore.Exactly(1), event()))
}

func testEndedContext(t *testing.T, s Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Append(ctx, to("order-1", eventstore.NoStream, event())); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want canceled", err)
	}
	wantLog(t, s, 0)
}
