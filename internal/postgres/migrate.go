package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
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

// OlderTablesError says that migrations of tables have not been run.
type OlderTablesError struct {
	Version, Want int64 // number of the last migration, of the tables and of this program; 0: there are none
}

func (e *OlderTablesError) Error() string {
	if e.Version == 0 {
		return "tables are missing: run the migrations first"
	}
	return fmt.Sprintf("tables have version %d, this program needs %d: run its migrations first", e.Version, e.Want)
}

// CheckMigrated tells whether [Migrate] has nothing to do: an *[OlderTablesError] or a *[NewerTablesError] if not. It changes
// nothing, and needs no more than to read the list of applied migrations.
func CheckMigrated(ctx context.Context, pool *pgxpool.Pool, component string, fsys fs.FS) error {
	names, err := fs.Glob(fsys, "*.sql")
	if err != nil {
		return err
	}
	var known int64
	for _, name := range names {
		number, err := goose.NumericComponent(name)
		if err != nil {
			return fmt.Errorf("check %s: %w", component, err)
		}
		known = max(known, number)
	}
	var version int64
	err = pool.QueryRow(ctx, "SELECT coalesce(max(version_id), 0) FROM "+pgx.Identifier{"migrations_" + component}.Sanitize()+" WHERE is_applied").Scan(&version)
	const undefinedTable = "42P01"
	if said, ok := errors.AsType[*pgconn.PgError](err); ok && said.Code == undefinedTable {
		version, err = 0, nil
	}
	switch {
	case err != nil:
		return fmt.Errorf("check %s: %w", component, err)
	case version < known:
		return fmt.Errorf("%s: %w", component, &OlderTablesError{Version: version, Want: known})
	case version > known:
		return fmt.Errorf("%s: %w", component, &NewerTablesError{Version: version, Known: known})
	}
	return nil
}
