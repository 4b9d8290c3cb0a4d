package load_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/eventstore/postgres"
	"github.com/ordo-platform/ordo/internal/load"
	db "github.com/ordo-platform/ordo/internal/postgres"
	"github.com/ordo-platform/ordo/internal/testenv"
)

var small = load.AppendConfig{Writers: 4, EventsPerAppend: 3, Size: 100, Duration: 100 * time.Millisecond}

// TestAppend: what is said to be stored is stored, in both loops, and the comparison leaves nothing behind.
func TestAppend(t *testing.T) {
	t.Parallel()
	pool := migrated(t, testenv.Postgres(t))
	store, err := postgres.Open(t.Context(), pool, postgres.Config{UnsafeDurability: true})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- store.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	var stored int64
	open := small
	open.Rate, open.Duration = 200, time.Second
	for _, cfg := range []load.AppendConfig{small, open} {
		m, err := load.Append(t.Context(), store, cfg)
		if err != nil || m.Events == 0 || m.Failed > 0 || m.P50 <= 0 || m.Max < m.P50 || m.PerSecond <= 0 {
			t.Errorf("%+v, %v", m, err)
		}
		if cfg.Rate > 0 && m.Events > 3*(int64(cfg.Rate*m.Seconds)+1) {
			t.Errorf("%d events are more than the rate allows", m.Events)
		}
		stored += m.Events
	}
	head, err := store.Head(t.Context())
	if err != nil || int64(head) != stored {
		t.Errorf("%d events are stored, %d were said to be, %v", head, stored, err)
	}
	last, err := store.ReadLog(t.Context(), head-1, 1)
	if err != nil || len(last) != 1 || len(last[0].Data) != small.Size || last[0].Version != 3 {
		t.Errorf("%+v, %v", last, err)
	}
	m, err := load.PlainInsert(t.Context(), pool, small)
	if err != nil || m.Events == 0 || m.Failed > 0 {
		t.Errorf("%+v, %v", m, err)
	}
	if _, err := pool.Exec(t.Context(), "SELECT FROM ordo_load_plain_events"); err == nil {
		t.Error("the table of the comparison is still there")
	}
}

type broken struct{ err error }

func (b broken) Append(context.Context, eventstore.Append) (eventstore.Commit, error) {
	return eventstore.Commit{}, b.err
}

func TestAppendToABrokenStore(t *testing.T) {
	t.Parallel()
	cfg := small
	cfg.Duration = 0
	if m, err := load.Append(t.Context(), broken{eventstore.ErrClosed}, cfg); !errors.Is(err, eventstore.ErrClosed) {
		t.Errorf("%+v, %v", m, err)
	}
}

func migrated(t testing.TB, url string) *pgxpool.Pool {
	t.Helper()
	pool, err := db.Open(t.Context(), url, 4)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	if err := db.Migrate(t.Context(), pool, "eventstore", postgres.Migrations()); err != nil {
		t.Fatal(err)
	}
	return pool
}
