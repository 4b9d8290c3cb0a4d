package postgres_test

import (
	"context"
	"runtime"
	"testing"

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
// goroutine (beside the server's). An iteration is the whole log, or a stream of 100 events.
func BenchmarkRead(b *testing.B) {
	pool := migrated(b, testenv.DurablePostgres(b).URL(), 4)
	store := open(b, pool, postgres.Config{})
	fillLog(b, pool, benchLog, benchStream)
	if _, err := pool.Exec(b.Context(), "VACUUM (ANALYZE) events"); err != nil {
		b.Fatal(err)
	}
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
			id := benchStreamID(n % (benchLog / benchStream))
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
