package main

import (
	"cmp"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ordo-platform/ordo/internal/testenv"
)

// BenchmarkEvents fills logs with ORDO_BENCH_EVENTS events (default 500,000), takes them out, brings them into others, and
// verifies those, each by a command of the program, on one server with fsync. Rates are of the whole command.
//
//	go test ./cmd/ordo -run '^$' -bench Events -benchtime 1x
func BenchmarkEvents(b *testing.B) {
	server := testenv.DurablePostgres(b)
	admin, err := pgxpool.New(b.Context(), server.URL())
	if err != nil {
		b.Fatal(err)
	}
	defer admin.Close()
	logsOf := func(b *testing.B, name string) *eventLogs {
		return eventLogsIn(b, func(service string) string {
			database := name + "_" + service
			if _, err := admin.Exec(b.Context(), "CREATE DATABASE "+pgx.Identifier{database}.Sanitize()); err != nil {
				b.Fatal(err)
			}
			address, err := url.Parse(server.URL())
			if err != nil {
				b.Fatal(err)
			}
			address.Path = "/" + database
			return address.String()
		}, logServices()...)
	}
	file := filepath.Join(b.TempDir(), "events.jsonl")
	for n := range b.N {
		from, to := logsOf(b, "from"+strconv.Itoa(n)), logsOf(b, "to"+strconv.Itoa(n))
		from.measure(b, "filled", "load", "history", "--events", benchEvents(), "--yes")
		from.measure(b, "exported", "events", "export", file)
		to.measure(b, "imported", "events", "import", file)
		to.measure(b, "verified", "verify")
	}
}

// benchEvents is how many events benchmarks fill logs with.
func benchEvents() string { return cmp.Or(os.Getenv("ORDO_BENCH_EVENTS"), "500000") }

// measure runs a command on all events of the logs and reports how many that were a second.
func (l *eventLogs) measure(b *testing.B, what string, args ...string) {
	b.Helper()
	began := time.Now()
	if got := l.run(nil, args...); got.exit != 0 {
		b.Fatalf("%v: %+v", args, got)
	}
	took := time.Since(began)
	n := 0
	for _, pool := range l.pools {
		var head int
		if err := pool.QueryRow(b.Context(), "SELECT position FROM log_head").Scan(&head); err != nil {
			b.Fatal(err)
		}
		n += head
	}
	b.ReportMetric(float64(n)/took.Seconds(), what+"/s")
}
