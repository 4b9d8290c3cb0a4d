package postgres

import (
	"bytes"
	"testing"

	"github.com/ordo-platform/ordo/eventstore"
)

// BenchmarkPrepare is the work on an append of one event of 400 B before anything is sent: what callers do in parallel, and
// what the writer does for all of them.
func BenchmarkPrepare(b *testing.B) {
	data := append(append([]byte(`{"text":"`), bytes.Repeat([]byte("x"), 389)...), `"}`...)
	for name, expected := range map[string]eventstore.Expected{"new": eventstore.NoStream, "any": eventstore.AnyVersion} {
		a := eventstore.Append{Streams: []eventstore.StreamAppend{{
			Stream: "order-0198c7a2-5b1e-7000-8000-000000000001", Expected: expected, Events: []eventstore.Event{{
				ID: eventstore.NewID(), Type: "OrderPlaced", SchemaVersion: 1, Data: data,
				Metadata: eventstore.Metadata{CorrelationID: "0198c7a2-5b1e-7000-8000-000000000001", Actor: "benchmark"},
			}},
		}}}
		b.Run("caller/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := prepare(a, DefaultPartitions); err != nil {
					b.Fatal(err)
				}
			}
		})
		p, err := prepare(a, DefaultPartitions)
		if err != nil {
			b.Fatal(err)
		}
		b.Run("writer/"+name, func(b *testing.B) {
			b.ReportAllocs()
			g := newGroup(DefaultPartitions, DefaultMaxGroupEvents)
			for b.Loop() {
				if g.count == DefaultMaxGroupEvents {
					g = newGroup(DefaultPartitions, DefaultMaxGroupEvents)
				}
				g.versions = map[eventstore.StreamID]eventstore.Version{}
				if _, err := g.admit(p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
