package relay_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ordo-platform/ordo/eventstore"
	eventpg "github.com/ordo-platform/ordo/eventstore/postgres"
	"github.com/ordo-platform/ordo/eventstore/relay"
	"github.com/ordo-platform/ordo/internal/postgres"
	"github.com/ordo-platform/ordo/internal/testenv"
)

// envKafka names a real broker for the benchmarks, host:port. Its topics of the service "orders" are made anew.
const envKafka = "ORDO_BENCH_KAFKA"

// BenchmarkRelay publishes a log that is full when the relay starts: one in memory, which shows what the relay and the
// broker take, and one in Postgres with events of 400 bytes; that one also to a real broker, if there is one.
func BenchmarkRelay(b *testing.B) {
	b.Run("memory", func(b *testing.B) {
		log := newLog(b.N)
		benchmarkRelay(b, setupFake(b), log)
	})
	b.Run("postgres", func(b *testing.B) {
		store, pool := filledStore(b, b.N)
		benchmarkRelay(b, setupFake(b), store)
		compareWithCopy(b, pool)
	})
	b.Run("kafka", func(b *testing.B) {
		brokers := realBroker(b)
		store, _ := filledStore(b, b.N)
		benchmarkRelay(b, setupOn(b, "orders", brokers), store)
	})
}

func benchmarkRelay(b *testing.B, f *fixture, log relay.Log) {
	heap := watchHeap(b)
	b.ResetTimer()
	r, stop := f.start(b, relay.Config{
		Service: f.service, Log: log, Lease: newLease(1), Brokers: f.brokers, Partitions: partitions,
	})
	f.awaitPublished(b, r, eventstore.Position(b.N))
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(heap(), "peak-heap-MB") // an embedded broker's records are in it
	if err := stop(); err != nil {
		b.Error(err)
	}
}

// watchHeap returns the way to end the watch, which says how large the live heap was at most.
func watchHeap(b *testing.B) (peak func() float64) {
	ctx, cancel := context.WithCancel(b.Context())
	most := make(chan uint64, 1)
	go func() {
		var seen uint64
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			seen = max(seen, m.HeapInuse)
			select {
			case <-ctx.Done():
				most <- seen
				return
			case <-tick.C:
			}
		}
	}()
	return func() float64 {
		cancel()
		return float64(<-most) / (1 << 20)
	}
}

// compareWithCopy reads the same rows as fast as Postgres gives them away, which no relay can beat.
func compareWithCopy(b *testing.B, pool *pgxpool.Pool) {
	took := b.Elapsed()
	conn, err := pool.Acquire(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Release()
	began := time.Now()
	_, err = conn.Conn().PgConn().CopyTo(b.Context(), io.Discard, `COPY (SELECT position, prev, recorded_at, event_id, version,
		schema_version, partition, stream, type, data, metadata FROM events ORDER BY position) TO STDOUT`)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(100*float64(time.Since(began))/float64(took), "%-of-COPY")
}

// BenchmarkLatency appends one event every ten milliseconds, to a server with fsync, and takes the time until a read-committed
// consumer has it; from a real broker too, if there is one.
func BenchmarkLatency(b *testing.B) {
	b.Run("embedded", func(b *testing.B) { benchmarkLatency(b, setupFake(b)) })
	b.Run("kafka", func(b *testing.B) { benchmarkLatency(b, setupOn(b, "orders", realBroker(b))) })
}

// realBroker is the broker to measure, if there is one.
func realBroker(b *testing.B) string {
	brokers := os.Getenv(envKafka)
	if brokers == "" {
		b.Skip(envKafka + " names no broker")
	}
	return brokers
}

func benchmarkLatency(b *testing.B, f *fixture) {
	pool := openPool(b, testenv.DurablePostgres(b).URL())
	store, err := eventpg.Open(b.Context(), pool, eventpg.Config{Partitions: partitions})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(f.ctx)
	var running sync.WaitGroup
	running.Go(func() { _ = store.Run(ctx) })
	defer running.Wait()
	defer cancel()
	wake, _ := store.Subscribe()
	f.start(b, relay.Config{Service: f.service, Log: store, Lease: newLease(1), Wake: wake, Brokers: f.brokers, Partitions: partitions})
	reader, err := kgo.NewClient(kgo.SeedBrokers(f.brokers...), kgo.ConsumeTopics(f.topic()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		b.Fatal(err)
	}
	defer reader.Close()
	var mu sync.Mutex
	asked := map[string]time.Time{}
	running.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for range b.N + 1 { // the first waits for everything to be there
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			one := newAppend([]byte(`{"total":1990}`))
			mu.Lock()
			asked[string(one.Streams[0].Stream)] = time.Now()
			mu.Unlock()
			if _, err := store.Append(ctx, one); err != nil {
				b.Error(err)
			}
		}
	})
	took := make([]time.Duration, 0, b.N+1)
	for len(took) <= b.N {
		fetched := reader.PollFetches(f.ctx)
		if err := fetched.Err(); err != nil {
			b.Fatal(err)
		}
		now := time.Now()
		fetched.EachRecord(func(r *kgo.Record) {
			mu.Lock()
			defer mu.Unlock()
			took = append(took, now.Sub(asked["order-"+string(r.Key)]))
		})
	}
	took = took[1:]
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}

func openPool(b *testing.B, address string) *pgxpool.Pool {
	pool, err := postgres.Open(b.Context(), address, 4)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(pool.Close)
	if err := postgres.Migrate(b.Context(), pool, "eventstore", eventpg.Migrations()); err != nil {
		b.Fatal(err)
	}
	return pool
}

// newAppend is of one event to a stream of its own.
func newAppend(data []byte) eventstore.Append {
	return eventstore.Append{Streams: []eventstore.StreamAppend{{
		Stream: eventstore.StreamID("order-" + uuid.NewString()),
		Events: []eventstore.Event{{
			ID: eventstore.NewID(), Type: "OrderPlaced", SchemaVersion: 1, Data: data,
			Metadata: eventstore.Metadata{CorrelationID: uuid.NewString(), Actor: "benchmark"},
		}},
	}}}
}

// filledStore is a store with n events of as many streams.
func filledStore(b *testing.B, n int) (*eventpg.Store, *pgxpool.Pool) {
	pool := openPool(b, testenv.Postgres(b))
	store, err := eventpg.Open(b.Context(), pool, eventpg.Config{Partitions: partitions, UnsafeDurability: true})
	if err != nil {
		b.Fatal(err)
	}
	data := fmt.Appendf(nil, `{"text":%q}`, bytes.Repeat([]byte("x"), 389))
	for n > 0 {
		appends := make([]eventstore.Append, min(n, 1000))
		for i := range appends {
			appends[i] = newAppend(data)
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
	if _, err := pool.Exec(b.Context(), "VACUUM ANALYZE events"); err != nil { // hint bits are not what is measured
		b.Fatal(err)
	}
	return store, pool
}
