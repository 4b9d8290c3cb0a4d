package main

import (
	"context"
	"errors"
	"os"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ordo-platform/ordo/internal/devfile"
	"github.com/ordo-platform/ordo/internal/postgres"
)

// openOwned connects to the database of a service as the role that owns its tables: that of its variable, else the owner
// that a running ordo dev names.
func openOwned(ctx context.Context, service string, conns int) (*pgxpool.Pool, error) {
	address, err := ownerAddress(service, os.Getenv)
	if err != nil {
		return nil, err
	}
	pool, err := postgres.Open(ctx, address, conns)
	if err != nil {
		return nil, aboutDatabase(service, err)
	}
	return pool, nil
}

func ownerAddress(service string, getenv func(string) string) (string, error) {
	if dir, err := devfile.DefaultDir(getenv); err == nil && getenv(databaseOf(service)) == "" {
		running, err := devfile.Read(dir)
		if err != nil && !errors.Is(err, devfile.ErrNotRunning) {
			return "", err
		}
		if owner := running.Owners[service]; owner != "" {
			return owner, nil
		}
	}
	found, err := findDatabases([]string{service}, getenv)
	if err != nil {
		return "", err
	}
	if found[service] == "" {
		return "", &commandError{
			err: errors.New("the database of " + service + " is not known"), exit: exitUnreachable, code: "unreachable",
			advice: "Start it with \"ordo dev\", or set " + databaseOf(service),
		}
	}
	return found[service], nil
}
