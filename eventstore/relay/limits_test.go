package relay_test

import (
	"bytes"
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/ordo-platform/ordo/eventstore"
	eventpg "github.com/ordo-platform/ordo/eventstore/postgres"
	"github.com/ordo-platform/ordo/eventstore/relay"
	"github.com/ordo-platform/ordo/internal/postgres"
	"github.com/ordo-platform/ordo/internal/testenv"
)

// Nothing that the store accepts can stop the relay: appends at every limit, each alone and all at once, reach a broker with
// its default limits, and what readers get is what was stored.
func TestEverythingThatIsStoredIsPublished(t *testing.T) {
	t.Parallel()
	f := setup(t)
	pool, err := postgres.Open(t.Context(), testenv.Postgres(t), 4)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	if err := postgres.Migrate(t.Context(), pool, "eventstore", eventpg.Migrations()); err != nil {
		t.Fatal(err)
	}
	store, err := eventpg.Open(t.Context(), pool, eventpg.Config{Partitions: partitions, UnsafeDurability: true})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- store.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})

	// Text that does not compress: a broker's limit is one of compressed batches.
	incompressible := func(n int) string {
		var b strings.Builder
		for b.Len() < n {
			b.WriteString(eventstore.NewID().String())
		}
		return b.String()[:n]
	}
	smallest := func() eventstore.Event {
		return eventstore.Event{ID: eventstore.NewID(), Type: "T", SchemaVersion: 1, Data: []byte(`{}`)}
	}
	largest := func() eventstore.Event {
		return eventstore.Event{
			ID: eventstore.NewID(), Type: incompressible(eventstore.MaxTypeBytes), SchemaVersion: 1<<31 - 1,
			Data:     fmt.Appendf(nil, `{"a":"%s"}`, incompressible(eventstore.MaxEventBytes-len(`{"a":""}`))),
			Metadata: eventstore.Metadata{Actor: incompressible(eventstore.MaxMetadataBytes - len(`{"actor":""}`))},
		}
	}
	events := func(n int, event func() eventstore.Event) (list []eventstore.Event) {
		for range n {
			list = append(list, event())
		}
		return list
	}
	longest := func(n int) eventstore.StreamID {
		prefix := fmt.Sprint("o-", n, "-")
		return eventstore.StreamID(prefix + incompressible(eventstore.MaxStreamBytes-len(prefix)))
	}
	var streams []eventstore.StreamAppend
	for n := range eventstore.MaxStreamsPerAppend {
		streams = append(streams, eventstore.StreamAppend{Stream: longest(n), Events: events(1, smallest)})
	}
	odd := smallest()
	odd.Data = []byte(`{"a":"\ud800 \u0001","a":1e999999,"":` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + "}\n")
	odd.Metadata = eventstore.Metadata{Actor: "a\r\n\u202e\x7f", TraceParent: "not one", TraceState: "ä=1"}
	const fill = 60 // of largest events: 16 MiB, the most of one append, is not quite 62
	stored := eventstore.Position(0)
	for _, a := range []eventstore.Append{
		{Streams: []eventstore.StreamAppend{{Stream: longest(0), Events: events(1, largest)}}},
		{Streams: []eventstore.StreamAppend{{Stream: "order-many", Events: events(eventstore.MaxEventsPerAppend, smallest)}}},
		{Streams: []eventstore.StreamAppend{{Stream: "order-odd", Events: []eventstore.Event{odd}}}},
		{Streams: []eventstore.StreamAppend{{Stream: "order-large", Events: events(fill, largest)}}},
		{Streams: streams[1:]},
	} {
		commit, err := store.Append(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		stored = commit.Last
	}

	r, stop := f.start(t, relay.Config{
		Service: f.service, Log: store, Lease: newLease(1), Brokers: f.brokers, Partitions: partitions,
	})
	f.awaitPublished(t, r, stored)
	if err := stop(); err != nil {
		t.Error(err)
	}
	n := 0
	for _, partition := range f.published(t) {
		for _, got := range partition {
			n++
			want, err := store.ReadLog(t.Context(), got.Position-1, 1)
			if err != nil || len(want) != 1 {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Data, want[0].Data) {
				t.Errorf("data of event %d differs", got.Position)
			}
			got.Data, want[0].Data = nil, nil
			if !reflect.DeepEqual(got, want[0]) {
				t.Errorf("published %.500v, want\n%.500v", got, want[0])
			}
		}
	}
	if n != int(stored) {
		t.Errorf("%d events published, %d stored", n, stored)
	}
}
