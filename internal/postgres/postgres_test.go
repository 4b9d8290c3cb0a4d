package postgres_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/sync/errgroup"

	"github.com/ordo-platform/ordo/internal/postgres"
	"github.com/ordo-platform/ordo/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

func migration(sql string) *fstest.MapFile {
	return &fstest.MapFile{Data: []byte("-- +goose Up\n" + sql)}
}

// Replicas start together; each component has versions of its own in the same database.
func TestMigrateTogether(t *testing.T) {
	t.Parallel()
	url := testenv.Postgres(t)
	components := map[string]fstest.MapFS{
		"one": {"00001_a.sql": migration("CREATE TABLE one_a (n int);"), "00002_b.sql": migration("CREATE TABLE one_b (n int);")},
		"two": {"00001_a.sql": migration("CREATE TABLE two_a (n int);")},
	}
	var replicas errgroup.Group
	for range 3 {
		replicas.Go(func() error {
			pool, err := postgres.Open(context.Background(), url, 2)
			if err != nil {
				return err
			}
			defer pool.Close()
			for component, files := range components {
				if err := postgres.Migrate(context.Background(), pool, component, files); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := replicas.Wait(); err != nil {
		t.Fatal(err)
	}

	pool, err := postgres.Open(t.Context(), url, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	for _, table := range []string{"one_a", "one_b", "two_a", "migrations_one", "migrations_two"} {
		if _, err := pool.Exec(t.Context(), "SELECT FROM "+table); err != nil {
			t.Error(err)
		}
	}

	components["two"]["00002_bad.sql"] = migration("CREATE TABLE two_b (n int); SELECT nonsense;")
	err = postgres.Migrate(t.Context(), pool, "two", components["two"])
	if err == nil || !strings.Contains(err.Error(), "migrate two") {
		t.Errorf("error %v", err)
	}
	if _, err := pool.Exec(t.Context(), "SELECT FROM two_b"); err == nil {
		t.Error("half a migration was kept")
	}
}

// Tables of a newer program are neither changed nor used.
func TestMigrateRefusesNewerTables(t *testing.T) {
	t.Parallel()
	pool, err := postgres.Open(t.Context(), testenv.Postgres(t), 2)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	older := fstest.MapFS{"00001_a.sql": migration("CREATE TABLE a (n int);")}
	newer := fstest.MapFS{"00001_a.sql": older["00001_a.sql"], "00002_b.sql": migration("ALTER TABLE a ADD m int;")}
	for _, files := range []fstest.MapFS{older, newer, newer} {
		if err := postgres.Migrate(t.Context(), pool, "one", files); err != nil {
			t.Fatal(err)
		}
	}
	err = postgres.Migrate(t.Context(), pool, "one", older)
	if refused, ok := errors.AsType[*postgres.NewerTablesError](err); !ok || refused.Version != 2 || refused.Known != 1 {
		t.Errorf("error %v", err)
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	url := testenv.Postgres(t)
	settings := func(url string) (name, idle, zone string) {
		t.Helper()
		pool, err := postgres.Open(t.Context(), url, 1)
		if err != nil {
			t.Fatal(err)
		}
		defer pool.Close()
		err = pool.QueryRow(t.Context(), `
			SELECT current_setting('application_name'), current_setting('idle_in_transaction_session_timeout'),
			    current_setting('timezone')`).Scan(&name, &idle, &zone)
		if err != nil {
			t.Fatal(err)
		}
		return name, idle, zone
	}
	if name, idle, zone := settings(url); name != "ordo" || idle != "30s" || zone != "UTC" {
		t.Errorf("settings %q, %q, %q", name, idle, zone)
	}
	separator := "?"
	if strings.Contains(url, "?") {
		separator = "&"
	}
	if name, idle, _ := settings(url + separator + "application_name=mine"); name != "mine" || idle != "30s" {
		t.Errorf("settings %q, %q: the address does not win", name, idle)
	}
}

func TestOpenKeepsPasswordsOutOfErrors(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"postgres://user:s3cret@127.0.0.1:1/db?connect_timeout=1", // nobody listens
		"postgres://user:s3cret@127.0.0.1:port/db",
		"postgres://user:s3cret@127.0.0.1:1/db?sslmode=wrong",
	} {
		pool, err := postgres.Open(t.Context(), url, 1)
		if err == nil {
			pool.Close()
			t.Fatal("opened")
		}
		if strings.Contains(err.Error(), "s3cret") {
			t.Errorf("error %v", err)
		}
	}
}
