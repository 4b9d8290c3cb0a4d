package testenv

import (
	"context"
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
	d := &Durable{t: t, config: embedded.PostgresConfig{DataDir: t.TempDir()}}
	d.start()
	d.config.Port = d.server.Port()
	t.Cleanup(d.stop)
	return d
}

// URL is the address of the superuser's database, the same after a restart.
func (d *Durable) URL() string { return d.server.URL("postgres") }

// Kill ends the whole server with SIGKILL, as a crash would. Connections break; Restart brings it back.
func (d *Durable) Kill() { d.server.Kill() }

// Restart starts the server again on its data and its port, after an orderly stop if it still runs.
func (d *Durable) Restart() {
	d.t.Helper()
	d.stop()
	d.start()
}

func (d *Durable) start() {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	var err error
	if d.server, err = embedded.StartPostgres(ctx, d.config); err != nil {
		d.t.Fatalf("testenv: %v", err)
	}
}

func (d *Durable) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if err := d.server.Stop(ctx); err != nil {
		d.t.Errorf("testenv: %v", err)
	}
}
