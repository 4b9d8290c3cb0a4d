package postgres_test

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
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
// event to a new stream and waits for the commit; then one writer, more writers, and more events in each append. Plain is
// one transaction per event (BEGIN, INSERT, COMMIT): what it takes to store anything else with the event. Autocommit is the
// least one can send, a lone INSERT.
// Run it with a time, as in -benchtime=5s, on a machine that does nothing else.
func BenchmarkAppend(b *testing.B) {
	server := testenv.DurablePostgres(b)
	pool := migrated(b, server.URL(), benchWriters)
	var plain, autocommit, group float64
	b.Run("plain", func(b *testing.B) {
		insert := plainInsert(b, pool)
		plain = benchmarkAppend(b, benchWriters, 1, func(ctx context.Context, stream eventstore.StreamID, data []byte) error {
			return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error { return insert(ctx, tx, stream, data) })
		})
	})
	b.Run("autocommit", func(b *testing.B) {
		insert := plainInsert(b, pool)
		autocommit = benchmarkAppend(b, benchWriters, 1, func(ctx context.Context, stream eventstore.StreamID, data []byte) error {
			return insert(ctx, pool, stream, data)
		})
	})
	store := open(b, pool, postgres.Config{})
	appendTo := func(ctx context.Context, stream eventstore.StreamID, data []byte) error {
		_, err := store.Append(ctx, benchAppend(stream, data, 1))
		return err
	}
	b.Run("group", func(b *testing.B) { group = benchmarkAppend(b, benchWriters, 1, appendTo) })
	b.Run("group/lone", func(b *testing.B) { benchmarkAppend(b, 1, 1, appendTo) })
	b.Run("group/256-writers", func(b *testing.B) { benchmarkAppend(b, 256, 1, appendTo) })
	b.Run("group/3-events", func(b *testing.B) {
		benchmarkAppend(b, benchWriters, 3, func(ctx context.Context, stream eventstore.StreamID, data []byte) error {
			_, err := store.Append(ctx, benchAppend(stream, data, 3))
			return err
		})
	})
	if plain > 0 && autocommit > 0 && group > 0 {
		fmt.Printf("group / plain = %.1f, group / autocommit = %.1f\n", group/plain, group/autocommit)
	}
}

func benchAppend(stream eventstore.StreamID, data []byte, events int) eventstore.Append {
	a := eventstore.Append{Streams: []eventstore.StreamAppend{{Stream: stream, Expected: eventstore.NoStream}}}
	for range events {
		a.Streams[0].Events = append(a.Streams[0].Events, eventstore.Event{
			ID: eventstore.NewID(), Type: "OrderPlaced", SchemaVersion: 1, Data: data,
			Metadata: eventstore.Metadata{CorrelationID: string(stream), Actor: "benchmark"},
		})
	}
	return a
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

// appendOne stores the events of one new stream.
type appendOne func(ctx context.Context, stream eventstore.StreamID, data []byte) error

// benchmarkAppend shares b.N appends of some events among the writers and reports events/s, which it returns, the 99th
// percentile of an append, and what appends allocate, the callers' own work included.
func benchmarkAppend(b *testing.B, writers, events int, do appendOne) float64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	b.ResetTimer()
	took, latencies := appendMany(b, b.N, writers, do)
	b.StopTimer()
	runtime.ReadMemStats(&after)
	slices.Sort(latencies)
	perSecond := float64(b.N*events) / took.Seconds()
	b.ReportMetric(perSecond, "events/s")
	b.ReportMetric(float64(latencies[(len(latencies)-1)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/float64(b.N), "allocs/append")
	return perSecond
}

// appendMany shares n appends among the writers.
func appendMany(b *testing.B, n, writers int, do appendOne) (took time.Duration, latencies []time.Duration) {
	data := append(append([]byte(`{"text":"`), bytes.Repeat([]byte("x"), benchDataBytes-11)...), `"}`...)
	of := make([][]time.Duration, writers)
	var wg sync.WaitGroup
	start := time.Now()
	for i := range writers {
		n := (n + writers - 1 - i) / writers
		of[i] = make([]time.Duration, 0, n)
		wg.Go(func() {
			for range n {
				begin := time.Now()
				if err := do(context.Background(), eventstore.StreamID("order-"+uuid.NewString()), data); err != nil {
					b.Error(err)
					return
				}
				of[i] = append(of[i], time.Since(begin))
			}
		})
	}
	wg.Wait()
	return time.Since(start), slices.Concat(of...)
}

// BenchmarkLoneAppend lets one append on an idle store and one plain transaction with an insert and a commit take turns, and
// reports the median of each and of the difference.
func BenchmarkLoneAppend(b *testing.B) {
	pool := migrated(b, testenv.DurablePostgres(b).URL(), 4)
	store := open(b, pool, postgres.Config{})
	insert := plainInsert(b, pool)
	median := func(of []time.Duration) float64 {
		slices.Sort(of)
		return float64(of[len(of)/2].Microseconds()) / 1000
	}
	var plain, appends, difference []time.Duration
	for b.Loop() {
		_, p := appendMany(b, 1, 1, func(ctx context.Context, stream eventstore.StreamID, data []byte) error {
			return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error { return insert(ctx, tx, stream, data) })
		})
		_, a := appendMany(b, 1, 1, func(ctx context.Context, stream eventstore.StreamID, data []byte) error {
			_, err := store.Append(ctx, benchAppend(stream, data, 1))
			return err
		})
		plain, appends, difference = append(plain, p[0]), append(appends, a[0]), append(difference, a[0]-p[0])
	}
	b.ReportMetric(median(plain), "plain-ms")
	b.ReportMetric(median(appends), "append-ms")
	b.ReportMetric(median(difference), "more-ms")
}
