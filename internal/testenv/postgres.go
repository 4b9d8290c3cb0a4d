package testenv

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ordo-platform/ordo/internal/embedded"
)

const (
	// EnvDatabaseURL names a running server for the tests.
	EnvDatabaseURL = "ORDO_TEST_DATABASE_URL"
	// EnvKeep, if not empty, keeps the folder of the tests' own server.
	EnvKeep = "ORDO_TEST_KEEP"

	// limit bounds each step, so that a hanging server fails the test that met it and not the whole binary by timeout.
	limit = 90 * time.Second
)

// Postgres returns the address of a new, empty database. Its role is the server's superuser, so a test of permissions has
// to make a role of its own. The database is dropped at the end of the test, connections or not, unless the test failed.
func Postgres(t testing.TB) string {
	t.Helper()
	server, err := sharedServer()
	if err != nil {
		t.Fatalf("testenv: %v", err)
	}
	name := databaseName(t)
	quoted := pgx.Identifier{name}.Sanitize()
	// FILE_COPY costs two checkpoints, which without fsync are next to nothing, and does not write the database to the log
	// as well. Seen with four tests at once on 2 cores: less than half the time of the default, on PostgreSQL 15 and 18.
	if err := execute(server, "CREATE DATABASE "+quoted+" TEMPLATE template0 STRATEGY FILE_COPY"); err != nil {
		t.Fatalf("testenv: create database: %v", err)
	}
	address := withDatabase(server, name)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("testenv: database kept: %s", address)
			return
		}
		if err := execute(server, "DROP DATABASE "+quoted+" WITH (FORCE)"); err != nil {
			t.Errorf("testenv: drop database: %v", err)
		}
	})
	return address
}

// databaseName tells the test's name to those who look at a kept database; the random part keeps runs apart.
func databaseName(t testing.TB) string {
	const longest = 40 // of the 63 bytes of an identifier
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		default:
			return '_'
		}
	}, t.Name())
	return name[:min(len(name), longest)] + "_" + strings.ToLower(rand.Text()[:8])
}

func withDatabase(server, name string) string {
	address, err := url.Parse(server)
	if err != nil {
		panic(err) // sharedServer has parsed it
	}
	address.Path = "/" + name
	return address.String()
}

// execute runs one statement on a connection of its own: the creation of databases is too rare for a pool, and a pool
// would be a goroutine for every leak check to know.
func execute(server, statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	_, err = conn.Exec(ctx, statement)
	return err
}

// shared is the test binary's one server.
var shared struct {
	once   sync.Once
	server *embedded.Postgres // nil if not started, or if the address was given
	url    string
	err    error
}

func sharedServer() (string, error) {
	shared.once.Do(func() {
		if given := os.Getenv(EnvDatabaseURL); given != "" {
			shared.url = given
			if _, err := url.Parse(given); err != nil {
				shared.err = fmt.Errorf("%s is not a URL", EnvDatabaseURL) // without the text: it may hold a password
			}
			return
		}
		shared.server, shared.err = startShared()
		if shared.err == nil {
			shared.url = shared.server.URL("postgres")
		}
	})
	return shared.url, shared.err
}

func startShared() (*embedded.Postgres, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	config := embedded.PostgresConfig{Ephemeral: true}
	if os.Getenv(EnvKeep) != "" {
		dir, err := os.MkdirTemp("", "ordo-kept-")
		if err != nil {
			return nil, err
		}
		config.DataDir = dir
	}
	return embedded.StartPostgres(ctx, config)
}
