package replay_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ordo-platform/ordo/aggregates/reservation"
	"github.com/ordo-platform/ordo/aggregates/stock"
	"github.com/ordo-platform/ordo/eventstore"
	eventpg "github.com/ordo-platform/ordo/eventstore/postgres"
	"github.com/ordo-platform/ordo/internal/consumer"
	"github.com/ordo-platform/ordo/internal/generations"
	"github.com/ordo-platform/ordo/internal/postgres"
	"github.com/ordo-platform/ordo/internal/readmodels"
	"github.com/ordo-platform/ordo/internal/replay"
	"github.com/ordo-platform/ordo/internal/testenv"
)

// BenchmarkReplay rebuilds read models from a log of ORDO_BENCH_EVENTS events (default 500,000) on a server with the settings
// of a real one, and in the same run: reads the same rows with COPY TO STDOUT, and projects some of them one by one, as the
// plainest projector would.
//
//	go test ./internal/replay -run '^$' -bench Replay -benchtime 1x
func BenchmarkReplay(b *testing.B) {
	events := 500_000
	if n, err := strconv.Atoi(os.Getenv("ORDO_BENCH_EVENTS")); err == nil {
		events = n
	}
	server := testenv.DurablePostgres(b)
	for _, source := range []string{"inventory", "orders"} {
		b.Run(source, func(b *testing.B) {
			store := database(b, server, source)
			fill(b, store, source, events)
			log, err := eventpg.Open(b.Context(), store, eventpg.Config{})
			if err != nil {
				b.Fatal(err)
			}
			for _, kept := range readmodels.Of("views") {
				if kept.Source == source {
					b.Run(kept.Name, func(b *testing.B) { benchmarkModel(b, server, store, log, kept) })
				}
			}
		})
	}
}

func benchmarkModel(b *testing.B, server *testenv.Durable, store *pgxpool.Pool, log replay.Log, kept readmodels.Kept) {
	views := database(b, server, kept.Name)
	if err := postgres.Migrate(b.Context(), views, "consumer", consumer.Migrations()); err != nil {
		b.Fatal(err)
	}
	if err := generations.Prepare(b.Context(), views, kept.ReadModel); err != nil {
		b.Fatal(err)
	}
	r, err := replay.New(replay.Config{Model: kept, Pool: views, Log: log, Holder: "benchmark"})
	if err != nil {
		b.Fatal(err)
	}
	// The first one has nothing to compare with; the second one is measured.
	if _, err := r.Run(b.Context(), replay.Options{}); err != nil {
		b.Fatal(err)
	}
	bare := copyOut(b, store)
	plain := oneByOne(b, views, log, kept)
	for b.Loop() {
		debug.FreeOSMemory()
		forget := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // the peak so far
		result, err := r.Run(b.Context(), replay.Options{NoSwap: true})
		if err != nil {
			b.Fatal(err)
		}
		if peak := peakMemory(); forget == nil && peak > 0 {
			b.ReportMetric(peak, "peak-RSS-MB")
		}
		took := map[replay.Phase]time.Duration{}
		for _, t := range result.Took {
			took[t.Phase] += t.Duration
		}
		rate := float64(result.Events) / took[replay.PhaseBuild].Seconds()
		b.ReportMetric(rate, "events/s")
		b.ReportMetric(rate/bare*100, "%-of-COPY")
		b.ReportMetric(rate/plain, "x-row-by-row")
		b.ReportMetric(bare, "COPY-rows/s")
		b.ReportMetric(plain, "row-by-row-events/s")
		b.ReportMetric(float64(result.Report.Rows), "rows")
		b.ReportMetric(took[replay.PhaseVerify].Seconds(), "verify-s")
		b.ReportMetric(took[replay.PhaseIndex].Seconds(), "index-s")
		b.ReportMetric(0, "ns/op")
	}
}

// peakMemory is how much of the process was in memory at most, in MB; 0 where the system does not say.
func peakMemory() float64 {
	status, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(status)) {
		var kB float64
		if n, _ := fmt.Sscanf(line, "VmHWM: %f kB", &kB); n == 1 {
			return kB / 1024
		}
	}
	return 0
}

// database is a new database on the server.
func database(b *testing.B, server *testenv.Durable, name string) *pgxpool.Pool {
	b.Helper()
	conn, err := pgx.Connect(b.Context(), server.URL())
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(b.Context())) }()
	if _, err := conn.Exec(b.Context(), "CREATE DATABASE bench_"+name+" TEMPLATE template0 ENCODING 'UTF8'"); err != nil {
		b.Fatal(err)
	}
	pool, err := postgres.Open(b.Context(), strings.Replace(server.URL(), "/postgres?", "/bench_"+name+"?", 1), 12)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(pool.Close)
	return pool
}

// copyOut is how fast the server gives the rows of the log away.
func copyOut(b *testing.B, store *pgxpool.Pool) float64 {
	b.Helper()
	conn, err := store.Acquire(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Release()
	began := time.Now()
	tag, err := conn.Conn().PgConn().CopyTo(b.Context(), io.Discard, `COPY (
		SELECT position, prev, recorded_at, event_id, version, schema_version, partition, stream, type, data, metadata
		FROM events ORDER BY position) TO STDOUT`)
	if err != nil {
		b.Fatal(err)
	}
	return float64(tag.RowsAffected()) / time.Since(began).Seconds()
}

// oneByOne is how fast events are projected in a transaction each.
func oneByOne(b *testing.B, views *pgxpool.Pool, log replay.Log, kept readmodels.Kept) float64 {
	b.Helper()
	const events = 3000
	g, err := generations.Create(b.Context(), views, kept.ReadModel, new(eventstore.Position))
	if err != nil {
		b.Fatal(err)
	}
	page, err := log.ReadLog(b.Context(), 0, events)
	if err != nil {
		b.Fatal(err)
	}
	projector := kept.Projector(g.Schema())
	began := time.Now()
	for i, e := range page {
		err := pgx.BeginFunc(b.Context(), views, func(tx pgx.Tx) error {
			to := map[int32]eventstore.Position{e.Partition: e.Position}
			if err := consumer.Advance(b.Context(), tx, "bench", "bench", to); err != nil {
				return err
			}
			return projector.Handle(b.Context(), tx, page[i:i+1])
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	return float64(len(page)) / time.Since(began).Seconds()
}

// fill makes a log of a shop's life.
func fill(b *testing.B, store *pgxpool.Pool, source string, n int) {
	b.Helper()
	if err := postgres.Migrate(b.Context(), store, "eventstore", eventpg.Migrations()); err != nil {
		b.Fatal(err)
	}
	if _, err := eventpg.Open(b.Context(), store, eventpg.Config{Partitions: partitions}); err != nil {
		b.Fatal(err)
	}
	s := newShop()
	columns := []string{"position", "prev", "recorded_at", "event_id", "version", "schema_version", "partition", "stream", "type", "data", "metadata"}
	for done := 0; done < n; {
		s.events = s.events[:0]
		s.first = eventstore.Position(done)
		for len(s.events) < min(20_000, n-done) {
			if source == "orders" {
				s.trade(1)
			} else {
				s.restock()
			}
		}
		_, err := store.CopyFrom(b.Context(), pgx.Identifier{"events"}, columns, pgx.CopyFromSlice(len(s.events), func(i int) ([]any, error) {
			e := s.events[i]
			return []any{
				int64(e.Position), int64(e.Prev), e.RecordedAt, [16]byte(e.ID), int32(e.Version), int32(e.SchemaVersion), e.Partition,
				string(e.Stream), e.Type, string(e.Data), `{"correlation_id":"01a210e4-2da2-7d7d-b3fb-6b1b20c267b4","actor":"customer"}`,
			}, nil
		}))
		if err != nil {
			b.Fatal(err)
		}
		done += len(s.events)
	}
	if _, err := store.Exec(b.Context(), "UPDATE log_head SET position = (SELECT max(position) FROM events), linked = (SELECT max(position) FROM events), tails = $1", s.tails); err != nil {
		b.Fatal(err)
	}
	if _, err := store.Exec(b.Context(), "VACUUM ANALYZE events"); err != nil {
		b.Fatal(err)
	}
}

// restock grows the log by what one order does to the stock of 2000 SKUs: pieces are set aside, and for some given back.
func (s *shop) restock() {
	s.placed++
	sku := stock.SKU(fmt.Sprintf("SKU-%d", s.random.IntN(2000)))
	orderID := fmt.Sprintf("0198c7a2-0000-7000-8000-%012d", s.placed)
	if s.versions == nil {
		s.versions = map[eventstore.StreamID]eventstore.Version{}
	}
	next := func(stream string) (eventstore.StreamID, eventstore.Version) {
		id := eventstore.StreamID(stream)
		s.versions[id]++
		return id, s.versions[id]
	}
	id, version := next(stock.Stream(sku))
	if version == 1 {
		s.append(id, version, stock.Received{SKU: sku, Quantity: 1_000_000, Reference: "d-1", At: start})
		id, version = next(stock.Stream(sku))
	}
	s.append(id, version, stock.Allocated{SKU: sku, OrderID: orderID, Quantity: 2, At: start})
	s.append(eventstore.StreamID("reservation-"+orderID), 1, reservation.Reserved{
		OrderID: orderID, Lines: []reservation.Line{{SKU: string(sku), Quantity: 2}}, At: start,
	})
	if s.placed%5 == 0 {
		id, version = next(stock.Stream(sku))
		s.append(id, version, stock.Deallocated{SKU: sku, OrderID: orderID, Quantity: 2, At: start})
		s.append(eventstore.StreamID("reservation-"+orderID), 2, reservation.Released{
			OrderID: orderID, Lines: []reservation.Line{{SKU: string(sku), Quantity: 2}}, At: start,
		})
	}
}
