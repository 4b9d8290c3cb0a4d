package relay_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/ordo-platform/ordo/eventstore"
	eventpg "github.com/ordo-platform/ordo/eventstore/postgres"
	"github.com/ordo-platform/ordo/eventstore/relay"
	"github.com/ordo-platform/ordo/internal/postgres"
	"github.com/ordo-platform/ordo/internal/testenv"
)

// BenchmarkRelay publishes a log that is full when the relay starts: one in memory, which shows what the relay and the
// broker take, and one in Postgres with events of 400 bytes.
func BenchmarkRelay(b *testing.B) {
	b.Run("memory", func(b *testing.B) {
		log := newLog(b.N)
		benchmarkRelay(b, log)
	})
	b.Run("postgres", func(b *testing.B) {
		benchmarkRelay(b, filledStore(b, b.N))
	})
}

func benchmarkRelay(b *testing.B, log relay.Log) {
	f := setup(b)
	b.ResetTimer()
	r, stop := f.start(b, relay.Config{
		Service: "orders", Log: log, Lease: newLease(1), Brokers: f.cluster.ListenAddrs(), Partitions: partitions,
	})
	f.awaitPublished(b, r, eventstore.Position(b.N))
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	if err := stop(); err != nil {
		b.Error(err)
	}
}

// filledStore is a store with n events of as many streams.
func filledStore(b *testing.B, n int) *eventpg.Store {
	pool, err := postgres.Open(b.Context(), testenv.Postgres(b), 4)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(pool.Close)
	if err := postgres.Migrate(b.Context(), pool, "eventstore", eventpg.Migrations()); err != nil {
		b.Fatal(err)
	}
	store, err := eventpg.Open(b.Context(), pool, eventpg.Config{Partitions: partitions, UnsafeDurability: true})
	if err != nil {
		b.Fatal(err)
	}
	data := fmt.Appendf(nil, `{"text":%q}`, bytes.Repeat([]byte("x"), 389))
	for n > 0 {
		appends := make([]eventstore.Append, min(n, 1000))
		for i := range appends {
			appends[i].Streams = []eventstore.StreamAppend{{
				Stream: eventstore.StreamID("order-" + uuid.NewString()),
				Events: []eventstore.Event{{
					ID: eventstore.NewID(), Type: "OrderPlaced", SchemaVersion: 1, Data: data,
					Metadata: eventstore.Metadata{CorrelationID: uuid.NewString(), Actor: "benchmark"},
				}},
			}}
		}
		err := pgx.BeginFunc(context.Background(), pool, func(tx pgx.Tx) error {
			_, err := store.AppendTx(context.Background(), tx, appends...)
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
		n -= len(appends)
	}
	return store
}
