package testenv

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/ordo-platform/ordo/internal/embedded"
)

// Durable is a Postgres server of one test's own that keeps what it acknowledges: fsync and synchronous_commit are on.
// Its methods are for one goroutine.
type Durable struct {
	t      testing.TB
	config embedded.PostgresConfig
	server *embedded.Postgres
}

// DurablePostgres starts a server for benchmarks and crash tests, with the settings of a real one. It takes about a second,
// and it is stopped and removed with the test. ORDO_TEST_DATABASE_URL plays no part.
func DurablePostgres(t testing.TB) *Durable {
	t.Helper()
	d := &Durable{t: t, config: embedded.PostgresConfig{DataDir: t.TempDir(), Port: port(Address(t))}}
	d.start()
	t.Cleanup(d.stop)
	return d
}

// URL is the address of the superuser's database, the same after a restart.
func (d *Durable) URL() string { return d.server.URL("postgres") }

// Kill ends the whole server with SIGKILL, as a crash would. Connections break; Restart brings it back.
func (d *Durable) Kill() { d.server.Kill() }

// Restart starts the server again on its data and its port, after an orderly stop if it still runs. Settings, as in
// "fsync=off", hold until the next Restart.
func (d *Durable) Restart(settings ...string) {
	d.t.Helper()
	d.stop()
	d.config.Settings = settings
	d.start()
}

// Demote starts the server again as a standby, which can be read only: what a failover leaves of the server that was the
// primary. pg_promote, or another Demote and Restart, ends that.
func (d *Durable) Demote() {
	d.t.Helper()
	const wal = "wal_level=replica" // a standby refuses data that was written with less
	d.Restart(wal)
	d.stop()
	if err := os.WriteFile(filepath.Join(d.config.DataDir, "cluster", "standby.signal"), nil, 0o600); err != nil {
		d.t.Fatalf("testenv: %v", err)
	}
	d.start()
}

func (d *Durable) start() {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	server, err := embedded.StartPostgres(ctx, d.config)
	if err != nil {
		d.t.Fatalf("testenv: %v", err)
	}
	d.server = server
}

func (d *Durable) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if err := d.server.Stop(ctx); err != nil {
		d.t.Errorf("testenv: %v", err)
	}
}
