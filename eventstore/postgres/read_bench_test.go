package postgres_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/eventstore/postgres"
	"github.com/ordo-platform/ordo/internal/testenv"
)

const (
	benchLog    = 200_000 // events
	benchStream = 100     // events of each of its streams
	benchPage   = 1000    // events that one ReadLog asks for
)

// BenchmarkRead reads a log of 200,000 events of 400 bytes with full metadata, decoded to eventstore.Recorded, on one
// goroutine (beside the server's). An iteration of the first two is the whole log, of the third a stream of 100 events.
// live-MB is what the reader holds at most: it does not depend on the length of the log.
func BenchmarkRead(b *testing.B) {
	pool := migrated(b, testenv.DurablePostgres(b).URL(), 4)
	store := open(b, pool, postgres.Config{})
	fillLog(b, pool)
	ctx := context.Background()
	b.Run("pages", func(b *testing.B) {
		benchmarkRead(b, benchLog, func(b *testing.B) {
			for after := eventstore.Position(0); ; {
				events, err := store.ReadLog(ctx, after, benchPage)
				if err != nil {
					b.Fatal(err)
				}
				if len(events) == 0 {
					return
				}
				after = events[len(events)-1].Position
			}
		})
	})
	b.Run("stream", func(b *testing.B) {
		n := 0
		benchmarkRead(b, benchStream, func(b *testing.B) {
			n++
			id := eventstore.StreamID(fmt.Sprintf("order-%08d", n%(benchLog/benchStream)))
			if events, err := store.ReadStream(ctx, id, 0, 0); err != nil || len(events) != benchStream {
				b.Fatalf("%d events, %v", len(events), err)
			}
		})
	})
}

// benchmarkRead reports events per second and allocations per event of a read of so many events.
func benchmarkRead(b *testing.B, events int, read func(b *testing.B)) {
	read(b) // warm caches and the statement
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for b.Loop() {
		read(b)
	}
	total := float64(b.N) * float64(events)
	runtime.ReadMemStats(&after)
	b.ReportMetric(total/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/total, "allocs/event")
	b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/total, "B/event")
}

// fillLog writes the log by hand, which is the fast way to many rows: streams of 100 events, a few of them at a time.
func fillLog(b *testing.B, pool *pgxpool.Pool) {
	b.Helper()
	_, err := pool.Exec(context.Background(), `
		WITH stored AS (
			INSERT INTO events (position, prev, recorded_at, event_id, version, schema_version, partition, stream, type, data, metadata)
			SELECT n, 0, now(), gen_random_uuid(), (n - 1) / $2 % $3 + 1, 1, 0,
				'order-' || lpad(((n - 1) % $2 + (n - 1) / ($2 * $3) * $2)::text, 8, '0'), 'OrderPlaced',
				json_build_object('text', repeat('x', 387)),
				('{"correlation_id":"' || gen_random_uuid() || '","causation_id":"' || gen_random_uuid()
					|| '","actor":"benchmark","traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}')::json
			FROM generate_series(1, $1) AS n
			RETURNING position
		)
		UPDATE log_head SET position = (SELECT max(position) FROM stored)`, benchLog, 20, benchStream)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := pool.Exec(context.Background(), "VACUUM (ANALYZE) events"); err != nil {
		b.Fatal(err)
	}
}
