package eventstoretest

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/ordo-platform/ordo/eventstore"
)

func testEmptyLog(t *testing.T, s Store) {
	ctx := t.Context()
	wantLog(t, s, 0)
	if events, err := s.ReadStream(ctx, "order-none", 0, 0); err != nil || len(events) != 0 {
		t.Errorf("ReadStream: %v, %v", events, err)
	}
	if streams, err := s.ReadStreams(ctx, []eventstore.StreamID{"order-none"}); err != nil || len(streams["order-none"]) != 0 {
		t.Errorf("ReadStreams: %v, %v", streams, err)
	}
	if streams, err := s.ReadStreams(ctx, nil); err != nil || len(streams) != 0 {
		t.Errorf("ReadStreams of none: %v, %v", streams, err)
	}
	if _, used, err := s.Receipt(ctx, "scope", "key"); err != nil || used {
		t.Errorf("Receipt: %v, %v", used, err)
	}
}

func testReadsWhatWasWritten(t *testing.T, s Store) {
	full := eventstore.Event{
		ID:            eventstore.NewID(),
		Type:          "Größe geändert",
		SchemaVersion: 7,
		// Space, order of members, a repeated member, escapes and numbers stay as they are.
		Data: []byte(" {\"b\" : 1.0e2,\t\"a\":\"\\u0001\\ud83d <&> 😀\", \"b\":12345678901234567890.10}\n"),
		Metadata: eventstore.Metadata{
			CorrelationID: "story", CausationID: "cause", Actor: `a "quoted" <actor> & co`,
			TraceParent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", TraceState: "vendor=1",
		},
	}
	plain := event()
	before := time.Now()
	commit := mustAppend(t, s, eventstore.Append{Streams: []eventstore.StreamAppend{
		{Stream: "stock-MUG-1", Events: []eventstore.Event{full, plain}},
		{Stream: "order-ä", Events: []eventstore.Event{event()}},
	}})
	if commit.First != 1 || commit.Last != 3 || !reflect.DeepEqual(commit.Versions, []eventstore.Version{2, 1}) {
		t.Errorf("commit: %+v", commit)
	}
	// The clock is the database's, which may be another machine's.
	if d := commit.RecordedAt.Sub(before); d.Abs() > time.Hour || commit.RecordedAt.Location() != time.UTC {
		t.Errorf("recorded at %v, now is %v", commit.RecordedAt, before)
	}

	log := wantLog(t, s, 3)
	want := eventstore.Recorded{
		Event: full, Stream: "stock-MUG-1", Version: 1, Position: 1, RecordedAt: commit.RecordedAt,
		Partition: eventstore.PartitionOf("MUG-1", Partitions),
	}
	if !reflect.DeepEqual(log[0], want) {
		t.Errorf("read\n%+v, want\n%+v", log[0], want)
	}
	if !reflect.DeepEqual(log[1].Event, plain) || log[1].Prev != 1 {
		t.Errorf("read\n%+v, want\n%+v after 1", log[1], plain)
	}

	stream, err := s.ReadStream(t.Context(), "stock-MUG-1", 0, 0)
	if err != nil || !reflect.DeepEqual(stream, log[:2]) {
		t.Errorf("ReadStream: %+v, %v, want\n%+v", stream, err, log[:2])
	}
	streams, err := s.ReadStreams(t.Context(), []eventstore.StreamID{"order-ä", "order-none", "stock-MUG-1"})
	if err != nil || !reflect.DeepEqual(streams["stock-MUG-1"], log[:2]) || !reflect.DeepEqual(streams["order-ä"], log[2:]) ||
		len(streams["order-none"]) != 0 {
		t.Errorf("ReadStreams: %+v, %v", streams, err)
	}
}

func testPages(t *testing.T, s Store) {
	ctx := t.Context()
	const n = 10
	for i := range n {
		// A stream that is a prefix of another must not see its events.
		mustAppend(t, s, to("order-1", eventstore.Exactly(eventstore.Version(i)), event()))
		mustAppend(t, s, to("order-11", eventstore.AnyVersion, event()))
	}
	log := wantLog(t, s, 2*n)
	for _, page := range []struct{ after, limit, first, count int }{
		{0, 3, 1, 3}, {3, 3, 4, 3}, {18, 5, 19, 2}, {20, 5, 0, 0}, {100, 5, 0, 0}, {5, 100, 6, 15},
	} {
		t.Run(fmt.Sprintf("after %d limit %d", page.after, page.limit), func(t *testing.T) {
			events, err := s.ReadLog(ctx, eventstore.Position(page.after), page.limit)
			if err != nil || len(events) != page.count {
				t.Fatalf("%d events, %v", len(events), err)
			}
			for i, e := range events {
				if !reflect.DeepEqual(e, log[page.first-1+i]) {
					t.Errorf("%+v, want\n%+v", e, log[page.first-1+i])
				}
			}
		})
	}
	events, err := s.ReadStream(ctx, "order-1", 4, 3)
	if err != nil || len(events) != 3 || events[0].Version != 5 || events[2].Version != 7 || events[1].Stream != "order-1" {
		t.Errorf("versions after 4, 3 of them: %+v, %v", events, err)
	}
}
