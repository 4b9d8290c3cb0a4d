package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"github.com/ordo-platform/ordo/internal/app"
	"github.com/ordo-platform/ordo/internal/config"
	"github.com/ordo-platform/ordo/internal/devfile"
	"github.com/ordo-platform/ordo/internal/postgres"
)

// logServices are the services that have an event log.
func logServices() []string {
	return slices.DeleteFunc(app.Services(), func(service string) bool { return service == app.Views })
}

func isLogService(service string) bool { return slices.Contains(logServices(), service) }

// checkServices refuses a name that is no service with a log.
func checkServices(cmd *cobra.Command, services []string) error {
	for _, service := range services {
		if !isLogService(service) {
			return usagef(cmd, "%q is not a service with an event log: want one of %s", service, strings.Join(logServices(), ", "))
		}
	}
	return nil
}

// databaseOf names the variable with the address of a service's database.
func databaseOf(service string) string { return "ORDO_" + strings.ToUpper(service) + "_DATABASE_URL" }

// passwordFileOf names the variable with the file that has the password for it, if the address has none.
func passwordFileOf(service string) string {
	return "ORDO_" + strings.ToUpper(service) + "_DATABASE_PASSWORD_FILE"
}

// findDatabases returns the addresses of services' databases: from their variables, else from a running ordo dev. A service
// that neither knows is not in it.
func findDatabases(services []string, getenv func(string) string) (map[string]string, error) {
	var running devfile.File
	dir, err := devfile.DefaultDir(getenv)
	if err == nil { // else there is no home, so no data folder that ordo dev could be running on
		running, err = devfile.Read(dir)
		if err != nil && !errors.Is(err, devfile.ErrNotRunning) {
			return nil, err
		}
	}
	found := map[string]string{}
	for _, service := range services {
		if url := getenv(databaseOf(service)); url != "" {
			if found[service], err = config.WithPassword(url, getenv(passwordFileOf(service))); err != nil {
				return nil, fmt.Errorf("%s: %w", passwordFileOf(service), err)
			}
		} else if url := running.Databases[service]; url != "" {
			found[service] = url
		}
	}
	return found, nil
}

// serviceDatabase is a pool on the database of a service.
type serviceDatabase struct {
	service string
	pool    *pgxpool.Pool
}

// openDatabases connects to the databases of services, or of all that can be found if none is named. They are in the order
// of the services. close them.
func openDatabases(ctx context.Context, services []string, maxConns int) (databases []serviceDatabase, closeAll func(), err error) {
	named := len(services) > 0
	if !named {
		services = logServices()
	}
	found, err := findDatabases(services, os.Getenv)
	if err != nil {
		return nil, nil, err
	}
	closeAll = func() {
		for _, d := range databases {
			d.pool.Close()
		}
	}
	for _, service := range services {
		url, ok := found[service]
		if !ok && (named || len(found) == 0) {
			closeAll()
			return nil, nil, &commandError{
				err: fmt.Errorf("the database of %s is not known", service), exit: exitUnreachable, code: "unreachable",
				advice: "Start it with \"ordo dev\", or set " + databaseOf(service),
			}
		}
		if !ok {
			continue
		}
		pool, err := postgres.Open(ctx, url, maxConns)
		if err != nil {
			closeAll()
			return nil, nil, aboutDatabase(service, err)
		}
		databases = append(databases, serviceDatabase{service, pool})
	}
	return databases, closeAll, nil
}

// aboutDatabase says whose database an error is about, and tells one that cannot be reached from other errors.
func aboutDatabase(service string, err error) error {
	if err == nil {
		return nil
	}
	err = fmt.Errorf("%s: %w", service, err)
	if _, unreachable := errors.AsType[*pgconn.ConnectError](err); unreachable {
		return &commandError{err: err, exit: exitUnreachable, code: "unreachable", advice: "Start it with \"ordo dev\", or check " + databaseOf(service)}
	}
	return err
}
