package postgres_test

import (
	"testing"
	"time"

	"github.com/ordo-platform/ordo/eventstore/postgres"
	"github.com/ordo-platform/ordo/internal/testenv"
)

// BenchmarkVerify verifies a log of events of 400 B in commits of 64, as 64 busy writers leave it; and one in commits of
// one event, as a store leaves it that is not busy. Run it with -benchtime=3x.
func BenchmarkVerify(b *testing.B) {
	const events = 400_000
	for name, perCommit := range map[string]int{"commits=64": 64, "commits=1": 1} {
		b.Run(name, func(b *testing.B) {
			pool := migratedFrom1(b, testenv.Postgres(b), `
				INSERT INTO events (position, prev, recorded_at, event_id, version, schema_version, partition, stream, type, data, metadata)
				SELECT p, p - 1, timestamptz '2026-01-02 03:04:05.678901+00' + p / $2::bigint * interval '1 millisecond', gen_random_uuid(),
				    (p - 1) % 8 + 1, 1, 0, 'order-' || md5(((p - 1) / 8)::text), 'OrderPlaced',
				    ('{"text":"' || repeat('x', 389) || '"}')::json, ('{"correlation_id":"' || p || '","actor":"benchmark"}')::json
				FROM generate_series(1, $1::bigint) AS p`, events, perCommit)
			if _, err := pool.Exec(b.Context(), `VACUUM ANALYZE`); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.ResetTimer()
			start := time.Now()
			for range b.N {
				if v, err := postgres.Verify(b.Context(), pool, postgres.VerifyConfig{}); err != nil || v.Finding != nil {
					b.Fatal(v, err)
				}
			}
			b.ReportMetric(float64(b.N*events)/time.Since(start).Seconds(), "events/s")
		})
	}
}
