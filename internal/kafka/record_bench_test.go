package kafka_test

import (
	"testing"
	"time"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/kafka"
)

func recorded() eventstore.Recorded {
	return eventstore.Recorded{
		Event: eventstore.Event{
			ID: eventstore.NewID(), Type: "OrderPlaced", SchemaVersion: 1, Data: []byte(`{"total":1990}`),
			Metadata: eventstore.Metadata{CorrelationID: eventstore.NewID().String(), Actor: "benchmark"},
		},
		Stream: "order-0198a0c4-5a7e-7cc2-9f5e-0d2c1d2f8b11", Version: 1, Position: 123_456, Prev: 123_450, RecordedAt: time.Now(),
	}
}

func BenchmarkRecord(b *testing.B) {
	e := recorded()
	b.ReportAllocs()
	for b.Loop() {
		kafka.Record("orders", e)
	}
}

func BenchmarkParse(b *testing.B) {
	r := kafka.Record("orders", recorded())
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := kafka.Parse(r); err != nil {
			b.Fatal(err)
		}
	}
}
