package postgres_test

import (
	"context"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/eventstore/postgres"
	db "github.com/ordo-platform/ordo/internal/postgres"
	"github.com/ordo-platform/ordo/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// migrated returns a pool on the database at url, with the tables of the store.
func migrated(t testing.TB, url string, maxConns int) *pgxpool.Pool {
	t.Helper()
	pool, err := db.Open(context.Background(), url, maxConns)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	if err := db.Migrate(context.Background(), pool, "eventstore", postgres.Migrations()); err != nil {
		t.Fatal(err)
	}
	return pool
}

// open returns a store whose writer runs until the test ends.
func open(t testing.TB, pool *pgxpool.Pool, cfg postgres.Config) *postgres.Store {
	t.Helper()
	store, err := postgres.Open(context.Background(), pool, cfg)
	if err != nil {
		t.Fatal(err)
	}
	run(t, store)
	return store
}

// run runs the writer until stop, or until the test ends.
func run(t testing.TB, store *postgres.Store) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- store.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// setup returns a running store in a new database of the shared server, which does without fsync.
func setup(t testing.TB) (*postgres.Store, *pgxpool.Pool) {
	t.Helper()
	pool := migrated(t, testenv.Postgres(t), 8)
	return open(t, pool, postgres.Config{UnsafeDurability: true}), pool
}

func event() eventstore.Event {
	return eventstore.Event{ID: eventstore.NewID(), Type: "OrderPlaced", SchemaVersion: 1, Data: []byte(`{"n":1}`)}
}

// one is an append of one event to one stream.
func one(stream string, expected eventstore.Expected) eventstore.Append {
	return eventstore.Append{Streams: []eventstore.StreamAppend{
		{Stream: eventstore.StreamID(stream), Expected: expected, Events: []eventstore.Event{event()}},
	}}
}
