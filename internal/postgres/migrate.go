package postgres

import (
	"context"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// Migrate brings the tables of one component to the newest version in fsys (goose files). Each component keeps its own
// list of applied migrations, the table migrations_<component>, so components share a database without sharing version
// numbers. Replicas that start together wait for each other, and all but the first find nothing to do. Tables that a newer
// program has made are left alone, with a *[NewerTablesError].
func Migrate(ctx context.Context, pool *pgxpool.Pool, component string, fsys fs.FS) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("migrate %s: %w", component, err)
		}
	}()
	locker, err := lock.NewPostgresSessionLocker(
		// The first look comes at once; after that, a second is often enough for someone else's migration.
		lock.WithLockTimeout(1, 300),
		lock.WithUnlockTimeout(1, 5),
	)
	if err != nil {
		return err
	}
	db := stdlib.OpenDBFromPool(pool)
	defer func() { _ = db.Close() }() // closes the wrapper, not the pool
	provider, err := goose.NewProvider(goose.DialectPostgres, db, fsys,
		goose.WithTableName("migrations_"+component),
		goose.WithSessionLocker(locker),
		goose.WithDisableGlobalRegistry(true), // only what is in fsys
	)
	if err != nil {
		return err
	}
	if _, err = provider.Up(ctx); err != nil {
		return err
	}
	return refuseNewer(ctx, provider)
}

// NewerTablesError says that tables were made by a newer program, which may mean something else by them.
type NewerTablesError struct {
	Version, Known int64 // number of the last migration, of the tables and of this program
}

func (e *NewerTablesError) Error() string {
	return fmt.Sprintf("tables have version %d, this program knows %d: run the newer program that made them", e.Version, e.Known)
}

func refuseNewer(ctx context.Context, provider *goose.Provider) error {
	version, err := provider.GetDBVersion(ctx)
	if err != nil {
		return err
	}
	var known int64
	for _, source := range provider.ListSources() {
		known = max(known, source.Version)
	}
	if version > known {
		return &NewerTablesError{Version: version, Known: known}
	}
	return nil
}
