package postgres_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/eventstore/postgres"
	"github.com/ordo-platform/ordo/internal/testenv"
)

const (
	benchWriters   = 64
	benchDataBytes = 400
)

// BenchmarkAppend compares the store with the plain ways, on a server with fsync: 64 writers, each of which appends one
// event to a new stream and waits for the commit. Plain is one transaction per event (BEGIN, INSERT, COMMIT): what it
// takes to store anything else with the event. Autocommit is the least one can send, a lone INSERT.
// Run it with a time, as in -benchtime=5s, on a machine that does nothing else.
func BenchmarkAppend(b *testing.B) {
	server := testenv.DurablePostgres(b)
	pool := migrated(b, server.URL(), benchWriters)
	var plain, autocommit, group float64
	b.Run("plain", func(b *testing.B) {
		insert := plainInsert(b, pool)
		plain = benchmarkAppend(b, func(ctx context.Context, stream eventstore.StreamID, data []byte) error {
			return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error { return insert(ctx, tx, stream, data) })
		})
	})
	b.Run("autocommit", func(b *testing.B) {
		insert := plainInsert(b, pool)
		autocommit = benchmarkAppend(b, func(ctx context.Context, stream eventstore.StreamID, data []byte) error {
			return insert(ctx, pool, stream, data)
		})
	})
	b.Run("group", func(b *testing.B) {
		store := open(b, pool, postgres.Config{})
		group = benchmarkAppend(b, func(ctx context.Context, stream eventstore.StreamID, data []byte) error {
			_, err := store.Append(ctx, eventstore.Append{Streams: []eventstore.StreamAppend{{
				Stream: stream, Expected: eventstore.NoStream, Events: []eventstore.Event{{
					ID: eventstore.NewID(), Type: "OrderPlaced", SchemaVersion: 1, Data: data,
					Metadata: eventstore.Metadata{CorrelationID: string(stream), Actor: "benchmark"},
				}},
			}}})
			return err
		})
	})
	if plain > 0 && autocommit > 0 && group > 0 {
		fmt.Printf("group / plain = %.1f, group / autocommit = %.1f\n", group/plain, group/autocommit)
	}
}

// plainInsert is an event table as it is usually made: positions from a sequence (which leaves gaps, and lets readers see
// a position before a smaller one), the same columns and indexes, an INSERT per event.
func plainInsert(b *testing.B, pool *pgxpool.Pool) func(context.Context, executor, eventstore.StreamID, []byte) error {
	for _, sql := range []string{
		`DROP TABLE IF EXISTS plain_events`,
		`CREATE TABLE plain_events (LIKE events INCLUDING INDEXES INCLUDING CONSTRAINTS)`,
		`ALTER TABLE plain_events ALTER position ADD GENERATED ALWAYS AS IDENTITY`,
	} {
		if _, err := pool.Exec(context.Background(), sql); err != nil {
			b.Fatal(err)
		}
	}
	return func(ctx context.Context, on executor, stream eventstore.StreamID, data []byte) error {
		_, err := on.Exec(ctx, `
			INSERT INTO plain_events
			    (prev, recorded_at, event_id, version, schema_version, partition, stream, type, data, metadata)
			VALUES (0, clock_timestamp(), $1, 1, 1, 0, $2, 'OrderPlaced', $3, $4)`,
			[16]byte(eventstore.NewID()), string(stream), data, fmt.Sprintf(`{"correlation_id":%q,"actor":"benchmark"}`, stream))
		return err
	}
}

// executor is a pool or a transaction.
type executor interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// benchmarkAppend shares b.N appends among the writers and reports events/s, which it returns, and the 99th percentile.
func benchmarkAppend(b *testing.B, appendOne func(context.Context, eventstore.StreamID, []byte) error) float64 {
	data := append(append([]byte(`{"text":"`), bytes.Repeat([]byte("x"), benchDataBytes-11)...), `"}`...)
	latencies := make([][]time.Duration, benchWriters)
	var wg sync.WaitGroup
	b.ResetTimer()
	start := time.Now()
	for i := range benchWriters {
		n := (b.N + benchWriters - 1 - i) / benchWriters
		latencies[i] = make([]time.Duration, 0, n)
		wg.Go(func() {
			for range n {
				begin := time.Now()
				if err := appendOne(context.Background(), eventstore.StreamID("order-"+uuid.NewString()), data); err != nil {
					b.Error(err)
					return
				}
				latencies[i] = append(latencies[i], time.Since(begin))
			}
		})
	}
	wg.Wait()
	perSecond := float64(b.N) / time.Since(start).Seconds()
	b.StopTimer()
	all := slices.Concat(latencies...)
	slices.Sort(all)
	b.ReportMetric(perSecond, "events/s")
	b.ReportMetric(float64(all[(len(all)-1)*99/100].Microseconds())/1000, "p99-ms")
	return perSecond
}
