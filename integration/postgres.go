package integration

import (
	"context"
	"net/url"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/modules/postgres"
)

const (
	postgresImage = "postgres:18"
	postgresPort  = "5432/tcp"
)

// PostgresServer is a PostgreSQL server of one test.
type PostgresServer struct {
	*Server
	url string
}

// Postgres starts a server that is removed with the test. Settings are as in "wal_level=replica".
func Postgres(tb testing.TB, settings ...string) *PostgresServer {
	tb.Helper()
	requireImage(tb, postgresImage)
	ctx, cancel := context.WithTimeout(tb.Context(), startTimeout)
	defer cancel()
	server := reserve(tb, postgresPort)
	// The module turns fsync off, which the event store refuses, and rightly; and a whole platform of services wants more
	// than 100 connections.
	command := []string{"postgres", "-c", "fsync=on", "-c", "max_connections=300"}
	for _, setting := range settings {
		command = append(command, "-c", setting)
	}
	container, err := postgres.Run(ctx, postgresImage,
		testcontainers.WithCmd(command...),
		postgres.BasicWaitStrategies(),
		server.pinned(),
	)
	if container != nil {
		own(tb, container)
	}
	if err != nil {
		tb.Fatalf("start %s: %v", postgresImage, err)
	}
	server.container = container
	address, err := container.ConnectionString(ctx, "sslmode=disable")
	if err != nil {
		tb.Fatal(err)
	}
	return &PostgresServer{Server: server, url: address}
}

// URL is the address of the superuser's database.
func (s *PostgresServer) URL() string { return s.url }

// Database creates an empty database, as in pg.Database(t, "orders"), and returns its URL. The role in it is a superuser.
func (s *PostgresServer) Database(tb testing.TB, name string) string {
	tb.Helper()
	s.sql(tb, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize())
	address, err := url.Parse(s.url)
	if err != nil {
		tb.Fatal(err)
	}
	address.Path = "/" + name
	return address.String()
}
