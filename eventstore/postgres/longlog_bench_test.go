package postgres_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime/metrics"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/eventstore/postgres"
	"github.com/ordo-platform/ordo/internal/embedded"
)

const (
	// envBenchEvents is how long the long log of BenchmarkLongLog is.
	envBenchEvents = "ORDO_BENCH_EVENTS"
	// envBenchDir is a folder in which its server stays between runs, so that the log is filled once.
	envBenchDir = "ORDO_BENCH_DIR"

	// envBenchSettings are settings of that server which differ from those of the platform's own, as in "max_wal_size=8GB".
	envBenchSettings = "ORDO_BENCH_SETTINGS"

	shortLog = 100_000
	longLog  = 1_000_000

	longStream = 10 // events of each stream
	roundSize  = 5_000
	readSize   = 20_000
)

var logNames = [2]string{"short", "long"}

// BenchmarkLongLog compares a log of ORDO_BENCH_EVENTS events (default 1,000,000) with one of 100,000, on one server with the
// settings of a real one. Names of the streams that fill them are random. In each iteration the short log and the long one
// take turns, so that what else happens on the machine happens to both; ratio is that of the sums, long to short.
//
// Ids of orders keep the time of their Idempotency-Key when it is a UUID version 7, and so do names of new streams in append.
// With any other key they are random, as in append-random.
//
//	ORDO_BENCH_DIR=/var/tmp/long ORDO_BENCH_EVENTS=10000000 go test ./eventstore/postgres -run '^$' -bench 'LongLog/(fill|vacuum|scan)' -benchtime 1x -timeout 1h
//	ORDO_BENCH_DIR=/var/tmp/long ORDO_BENCH_EVENTS=10000000 go test ./eventstore/postgres -run '^$' -bench 'LongLog/(size|append|read|stream)' -benchtime 60x
func BenchmarkLongLog(b *testing.B) {
	events := longLog
	if given := os.Getenv(envBenchEvents); given != "" {
		var err error
		if events, err = strconv.Atoi(given); err != nil {
			b.Fatalf("%s: %v", envBenchEvents, err)
		}
	}
	server := longLogServer(b)
	var logs [2]*benchedLog
	for i, want := range []int{shortLog, events} {
		pool := migrated(b, server.URL(logNames[i]+"_log"), 8)
		logs[i] = &benchedLog{pool: pool, store: open(b, pool, postgres.Config{}), want: want}
	}
	logs[0].fill(b, shortLog)
	b.Run("fill", func(b *testing.B) { logs[1].fill(b, events) })
	if head := headOf(b, logs[1].pool); head < events {
		b.Fatalf("the long log has %d of %d events: run LongLog/fill first", head, events)
	}
	b.Run("vacuum", func(b *testing.B) { benchmarkVacuum(b, logs[1]) })
	b.Run("scan", func(b *testing.B) { benchmarkScan(b, logs[1]) })
	b.Run("size", func(b *testing.B) { benchmarkSize(b, logs[1]) })
	compare := func(name string, unit int, round func(*benchedLog, *testing.B)) {
		b.Run(name, func(b *testing.B) { compareLogs(b, logs, unit, round) })
	}
	compare("append", roundSize, (*benchedLog).append)
	compare("append-random", roundSize, (*benchedLog).appendRandom)
	compare("append-on", roundSize, (*benchedLog).appendOn)
	compare("read", readSize, (*benchedLog).read)
	compare("stream", longStream*roundSize/20, (*benchedLog).readStreams)
}

func longLogServer(b *testing.B) *embedded.Postgres {
	dir := os.Getenv(envBenchDir)
	if dir == "" {
		dir = b.TempDir()
	}
	server, err := embedded.StartPostgres(b.Context(), embedded.PostgresConfig{DataDir: dir, Settings: strings.Fields(os.Getenv(envBenchSettings))})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := server.Stop(context.Background()); err != nil {
			b.Error(err)
		}
	})
	makeDatabases(b, server)
	return server
}

// makeDatabases makes the short log anew, else it would be longer with each run; the long one is kept.
func makeDatabases(b *testing.B, server *embedded.Postgres) {
	conn, err := pgx.Connect(b.Context(), server.URL("postgres"))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	for _, sql := range []string{"DROP DATABASE IF EXISTS short_log", "CREATE DATABASE short_log", "CREATE DATABASE long_log"} {
		_, err := conn.Exec(b.Context(), sql)
		if there, ok := errors.AsType[*pgconn.PgError](err); ok && there.Code == "42P04" {
			continue
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

// benchedLog is a log of at least want events. Those that were filled in are in streams with known names.
type benchedLog struct {
	pool  *pgxpool.Pool
	want  int
	store *postgres.Store
}

// fill fills the log up to so many events and reports how fast.
func (l *benchedLog) fill(b *testing.B, want int) {
	start := time.Now()
	if filled := fillLog(b, l.pool, want, longStream); filled > 0 {
		b.ReportMetric(float64(filled)/time.Since(start).Seconds(), "events/s")
	}
}

// fillLog imports what a log is short of so many events, in streams of each so many, and returns how many that were. Events
// are made, checked and hashed on one goroutine, and stored on another.
func fillLog(b *testing.B, pool *pgxpool.Pool, want, each int) int {
	b.Helper()
	im, err := postgres.OpenImporter(b.Context(), pool, postgres.Config{})
	if err != nil {
		b.Fatal(err)
	}
	head := headOf(b, pool)
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	chunks := make(chan postgres.Chunk, 1)
	go func() {
		defer close(chunks)
		for n := head / postgres.MaxChunkEvents; n <= (want-1)/postgres.MaxChunkEvents; n++ {
			c, err := postgres.NewChunk(benchRows(n, each))
			if err != nil {
				b.Error(err)
				return
			}
			select {
			case chunks <- c:
			case <-ctx.Done():
				return
			}
		}
	}()
	for c := range chunks {
		if _, err := im.Import(ctx, c); err != nil {
			b.Fatal(err)
		}
	}
	return headOf(b, pool) - head
}

func headOf(b *testing.B, pool *pgxpool.Pool) int {
	b.Helper()
	log, err := postgres.OpenLog(b.Context(), pool)
	if err != nil {
		b.Fatal(err)
	}
	head, err := log.Head(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	return int(head)
}

// benchRows are the events of the n-th chunk of a log: streams of each so many events, that grow at the same time.
func benchRows(n, each int) []postgres.Row {
	data := append(append([]byte(`{"text":"`), bytes.Repeat([]byte("x"), benchDataBytes-11)...), `"}`...)
	rows := make([]postgres.Row, postgres.MaxChunkEvents)
	streams := postgres.MaxChunkEvents / each
	for i := range rows {
		id := eventstore.NewID()
		rows[i] = postgres.Row{
			Recorded: eventstore.Recorded{
				Event:   eventstore.Event{ID: id, Type: "OrderPlaced", SchemaVersion: 1, Data: data},
				Stream:  benchStreamID(n*streams + i%streams),
				Version: eventstore.Version(i/streams + 1),
				// 64 events in each commit, as busy writers leave them.
				RecordedAt: importTime.Add(time.Duration((n*postgres.MaxChunkEvents+i)/64) * time.Millisecond),
			},
			RawMetadata: fmt.Appendf(nil, `{"correlation_id":"%s","causation_id":"%[1]s","actor":"benchmark",`+
				`"traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}`, id),
		}
	}
	return rows
}

// benchStreamID is the name of the n-th stream of such a log.
func benchStreamID(n int) eventstore.StreamID {
	return eventstore.StreamID("order-" + uuid.NewSHA1(uuid.Nil, binary.AppendVarint(nil, int64(n))).String())
}

// compareLogs lets the logs take turns at something that touches so many events, and reports both rates.
func compareLogs(b *testing.B, logs [2]*benchedLog, events int, round func(*benchedLog, *testing.B)) {
	for _, l := range logs {
		round(l, b) // warm caches and statements
	}
	var took [2]time.Duration
	var wal [2]int64
	for n := range b.N {
		for i := range logs {
			i = (i + n) % 2
			before, begin := logs[i].wal(b), time.Now()
			round(logs[i], b)
			took[i] += time.Since(begin)
			wal[i] += logs[i].wal(b) - before
		}
	}
	for i, name := range logNames {
		if wal[i] > 0 {
			b.ReportMetric(float64(wal[i])/float64(b.N*events), name+"-WAL-B/event")
		}
		b.ReportMetric(float64(b.N*events)/took[i].Seconds(), name+"-events/s")
	}
	b.ReportMetric(took[0].Seconds()/took[1].Seconds(), "ratio")
}

// wal is how much the server has written to its log.
func (l *benchedLog) wal(b *testing.B) (bytes int64) {
	if err := l.pool.QueryRow(b.Context(), `SELECT pg_current_wal_insert_lsn() - '0/0'`).Scan(&bytes); err != nil {
		b.Fatal(err)
	}
	return bytes
}

// append appends a round of events to new streams, from 64 writers.
func (l *benchedLog) append(b *testing.B) {
	appendMany(b, roundSize, benchWriters, func(ctx context.Context, _ eventstore.StreamID, data []byte) error {
		stream := eventstore.StreamID("order-" + eventstore.NewID().String())
		_, err := l.store.Append(ctx, benchAppend(stream, data, 1))
		return err
	})
}

// appendRandom is append to streams of random names.
func (l *benchedLog) appendRandom(b *testing.B) {
	appendMany(b, roundSize, benchWriters, func(ctx context.Context, stream eventstore.StreamID, data []byte) error {
		_, err := l.store.Append(ctx, benchAppend(stream, data, 1))
		return err
	})
}

// appendOn appends a round of events as the log has them: each stream gets ten, one after the other.
func (l *benchedLog) appendOn(b *testing.B) {
	appendMany(b, roundSize/longStream, benchWriters, func(ctx context.Context, stream eventstore.StreamID, data []byte) error {
		for version := range longStream {
			a := benchAppend(stream, data, 1)
			a.Streams[0].Expected = eventstore.Exactly(eventstore.Version(version))
			if _, err := l.store.Append(ctx, a); err != nil {
				return err
			}
		}
		return nil
	})
}

// read reads a stretch of the log, from anywhere.
func (l *benchedLog) read(b *testing.B) {
	after := eventstore.Position(rand.IntN(l.want - readSize))
	for n := 0; n < readSize; n += benchPage {
		events, err := l.store.ReadLog(b.Context(), after, benchPage)
		if err != nil || len(events) != benchPage {
			b.Fatalf("%d events, %v", len(events), err)
		}
		after = events[benchPage-1].Position
	}
}

// readStreams reads streams from anywhere in the log.
func (l *benchedLog) readStreams(b *testing.B) {
	for range roundSize / 20 {
		id := benchStreamID(rand.IntN(l.want / longStream))
		events, err := l.store.ReadStream(b.Context(), id, 0, 0)
		if err != nil || len(events) != longStream {
			b.Fatalf("%s: %d events, %v", id, len(events), err)
		}
	}
}

// benchmarkVacuum vacuums the long log, and again when 100,000 events have been added.
func benchmarkVacuum(b *testing.B, l *benchedLog) {
	vacuum := func(name, how string) {
		begin := time.Now()
		if _, err := l.pool.Exec(b.Context(), how); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(time.Since(begin).Seconds(), name+"-s")
	}
	vacuum("first", "VACUUM (FREEZE) events")
	l.fill(b, headOf(b, l.pool)+shortLog)
	vacuum("next", "VACUUM (FREEZE) events")
}

// benchmarkScan reads the whole log and reports what the program holds at most after a garbage collection.
func benchmarkScan(b *testing.B, l *benchedLog) {
	log, err := postgres.OpenLog(b.Context(), l.pool)
	if err != nil {
		b.Fatal(err)
	}
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	n, most := 0, uint64(0)
	for b.Loop() {
		for _, err := range log.Rows(b.Context(), postgres.Query{Until: eventstore.Position(l.want)}) {
			if err != nil {
				b.Fatal(err)
			}
			if n++; n%postgres.MaxChunkEvents == 0 {
				metrics.Read(live)
				most = max(most, live[0].Value.Uint64())
			}
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(most)/(1<<20), "live-MB")
}

// benchmarkSize reports what an event takes on disk.
func benchmarkSize(b *testing.B, l *benchedLog) {
	rows, err := l.pool.Query(b.Context(), `
		SELECT relname, pg_relation_size(oid)::float8 / (SELECT position FROM log_head)
		FROM pg_class
		WHERE relname IN ('events', 'events_pkey', 'events_event_id_key', 'events_stream_version_key')
		UNION ALL
		SELECT 'log_commits', pg_total_relation_size('log_commits')::float8 / (SELECT position FROM log_head)`)
	if err != nil {
		b.Fatal(err)
	}
	var name string
	var bytes float64
	if _, err := pgx.ForEachRow(rows, []any{&name, &bytes}, func() error {
		b.ReportMetric(bytes, name+"-B/event")
		return nil
	}); err != nil {
		b.Fatal(err)
	}
}
