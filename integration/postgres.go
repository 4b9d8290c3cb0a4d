package integration

import (
	"context"
	"net/url"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/modules/postgres"
)

const postgresImage = "postgres:18"

// PostgresServer is a PostgreSQL server of one test.
type PostgresServer struct {
	container *postgres.PostgresContainer
}

// Postgres starts a server that is removed with the test.
func Postgres(tb testing.TB) *PostgresServer {
	tb.Helper()
	requireImage(tb, postgresImage)
	ctx, cancel := context.WithTimeout(tb.Context(), startTimeout)
	defer cancel()
	container, err := postgres.Run(ctx, postgresImage,
		// The module turns fsync off, which the event store refuses, and rightly; and a whole platform of services wants
		// more than 100 connections.
		testcontainers.WithCmd("postgres", "-c", "fsync=on", "-c", "max_connections=300"),
		postgres.BasicWaitStrategies(),
	)
	if container != nil {
		own(tb, container)
	}
	if err != nil {
		tb.Fatalf("start %s: %v", postgresImage, err)
	}
	return &PostgresServer{container}
}

// Database creates an empty database, as in pg.Database(t, "orders"), and returns its URL. The role in it is a superuser.
func (s *PostgresServer) Database(tb testing.TB, name string) string {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), startTimeout)
	defer cancel()
	admin, err := s.container.ConnectionString(ctx, "sslmode=disable")
	if err != nil {
		tb.Fatal(err)
	}
	conn, err := pgx.Connect(ctx, admin)
	if err != nil {
		tb.Fatal(err)
	}
	defer conn.Close(ctx) //nolint:errcheck // nothing depends on it
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize()); err != nil {
		tb.Fatalf("create database %s: %v", name, err)
	}
	address, err := url.Parse(admin)
	if err != nil {
		tb.Fatal(err)
	}
	address.Path = "/" + name
	return address.String()
}
