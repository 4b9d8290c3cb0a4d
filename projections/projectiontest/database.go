package projectiontest

import (
	"io/fs"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/postgres"
	"github.com/ordo-platform/ordo/internal/testenv"
	"github.com/ordo-platform/ordo/projections"
)

// Database returns a new database with the tables of a read model, for as long as the test lasts.
func Database(t testing.TB, model string, migrations fs.FS) *pgxpool.Pool {
	t.Helper()
	pool, err := postgres.Open(t.Context(), testenv.Postgres(t), 2)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	if err := postgres.Migrate(t.Context(), pool, model, migrations); err != nil {
		t.Fatal(err)
	}
	return pool
}

// Project applies events to the tables of a model, in one transaction.
func Project[R any](t testing.TB, pool *pgxpool.Pool, model projections.Model[R], events ...eventstore.Recorded) {
	t.Helper()
	if err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
		return projections.NewProjector(model).Handle(t.Context(), tx, events)
	}); err != nil {
		t.Fatal(err)
	}
}
