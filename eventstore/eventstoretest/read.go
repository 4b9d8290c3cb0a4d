package eventstoretest

import (
	"fmt"
	"reflect"
	"strings"
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
	if streams, err := s.ReadStreams(ctx, map[eventstore.StreamID]int{"order-none": 1}); err != nil || len(streams["order-none"].Events) != 0 {
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
	streams, err := s.ReadStreams(t.Context(), map[eventstore.StreamID]int{"order-ä": 0, "order-none": 0, "stock-MUG-1": 7})
	if err != nil || !reflect.DeepEqual(streams["stock-MUG-1"].Events, log[:2]) || !reflect.DeepEqual(streams["order-ä"].Events, log[2:]) ||
		len(streams["order-none"].Events) != 0 || streams["stock-MUG-1"].Snapshot != nil {
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

// Snapshots stand for the events they were taken of and for nothing else.
func testSnapshots(t *testing.T, s Store) {
	ctx := t.Context()
	for range 5 {
		mustAppend(t, s, to("stock-A", eventstore.AnyVersion, event()))
		mustAppend(t, s, to("stock-B", eventstore.AnyVersion, event()))
	}
	events, err := s.ReadStream(ctx, "stock-A", 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	at := func(version eventstore.Version, stateVersion int, state string) eventstore.Snapshot {
		e := events[version-1]
		return eventstore.Snapshot{Stream: e.Stream, Version: version, EventID: e.ID, StateVersion: stateVersion, State: []byte(state)}
	}
	save := func(snapshots ...eventstore.Snapshot) {
		t.Helper()
		if err := s.SaveSnapshots(ctx, snapshots...); err != nil {
			t.Fatal(err)
		}
	}
	// wantFrom reads both streams; that of A has to begin with a snapshot with this state, after which one of its events.
	wantFrom := func(stateVersion int, version eventstore.Version, state string) {
		t.Helper()
		histories, err := s.ReadStreams(ctx, map[eventstore.StreamID]int{"stock-A": stateVersion, "stock-B": stateVersion})
		if err != nil || len(histories["stock-B"].Events) != 5 || histories["stock-B"].Snapshot != nil {
			t.Fatalf("stock-B %+v, %v", histories["stock-B"], err)
		}
		h := histories["stock-A"]
		if len(h.Events) != len(events)-int(version) || !reflect.DeepEqual(h.Events, events[version:]) {
			t.Errorf("events %+v, want those after %d", h.Events, version)
		}
		if version == 0 {
			if h.Snapshot != nil {
				t.Errorf("snapshot %+v, want none", h.Snapshot)
			}
			return
		}
		want := at(version, stateVersion, state)
		want.Position = events[version-1].Position
		if h.Snapshot == nil || !reflect.DeepEqual(*h.Snapshot, want) {
			t.Errorf("snapshot %+v, want %+v", h.Snapshot, want)
		}
	}

	wantFrom(1, 0, "")
	save(at(3, 1, `{ "n": 3 }`))
	wantFrom(1, 3, `{ "n": 3 }`)
	wantFrom(0, 0, "")
	wantFrom(2, 0, "") // of another state version
	save(at(2, 1, `"older"`), at(1, 2, `"other"`))
	wantFrom(1, 3, `{ "n": 3 }`)
	wantFrom(2, 1, `"other"`)
	save(at(3, 1, `"mended"`))
	wantFrom(1, 3, `"mended"`)

	large := at(4, 1, `"`+strings.Repeat("x", eventstore.MaxSnapshotBytes-2)+`"`)
	save(large)
	wantFrom(1, 4, string(large.State))
	save(at(5, 1, `"`+strings.Repeat("x", eventstore.MaxSnapshotBytes-1)+`"`)) // too large
	wantFrom(1, 4, string(large.State))
	save(at(5, 1, `"all"`))
	wantFrom(1, 5, `"all"`)

	foreign := at(5, 1, `"of another history"`)
	foreign.EventID = eventstore.NewID()
	save(foreign)
	wantFrom(1, 0, "")
	beyond := at(5, 1, `"of events that are not there"`)
	beyond.Version = 6
	save(beyond)
	wantFrom(1, 0, "")
	save()
}
