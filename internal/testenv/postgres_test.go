package testenv_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/ordo-platform/ordo/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

func TestPostgresGivesAnEmptyDatabasePerTest(t *testing.T) {
	t.Parallel()
	for range 2 {
		t.Run("Same Name/✓", func(t *testing.T) {
			conn := connect(t, testenv.Postgres(t))
			var tables int
			err := conn.QueryRow(t.Context(), `SELECT count(*) FROM pg_tables WHERE schemaname = 'public'`).Scan(&tables)
			if err != nil || tables != 0 {
				t.Fatalf("tables: %d, %v", tables, err)
			}
			if _, err := conn.Exec(t.Context(), `CREATE TABLE public.t (n int)`); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// connect leaves closing to the end of the test, so the database is dropped under an open connection, as it often will be.
func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// failedTest stands for a test that has failed, and runs its clean-up when told.
type failedTest struct {
	testing.TB
	cleanups []func()
}

func (f *failedTest) Failed() bool           { return true }
func (f *failedTest) Cleanup(cleanup func()) { f.cleanups = append(f.cleanups, cleanup) }

func TestFailedTestKeepsItsDatabase(t *testing.T) {
	t.Parallel()
	failed := &failedTest{TB: t}
	url := testenv.Postgres(failed)
	for _, cleanup := range failed.cleanups {
		cleanup()
	}
	connect(t, url)
}
