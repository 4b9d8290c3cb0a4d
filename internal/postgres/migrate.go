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
// numbers. Replicas that start together wait for each other, and all but the first find nothing to do.
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
	_, err = provider.Up(ctx)
	return err
}
