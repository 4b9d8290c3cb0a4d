package generations

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ordo-platform/ordo/internal/postgres"
	"github.com/ordo-platform/ordo/projections"
)

var (
	//go:embed migrations/*.sql
	migrations embed.FS

	//go:embed sql/lock_model.sql
	lockModelSQL string
	//go:embed sql/create.sql
	createSQL string
	//go:embed sql/set_shape.sql
	setShapeSQL string
	//go:embed sql/columns.sql
	columnsSQL string
	//go:embed sql/readers.sql
	readersSQL string
)

// Access is what a service's runtime role needs on the catalogue and on the tables and views of its models.
func Access(models ...projections.ReadModel) map[string]string {
	access := map[string]string{}
	for _, m := range models {
		access["generations"] = "SELECT, UPDATE (fed_at)"
		for _, table := range m.Tables {
			access[table.Name] = "SELECT"
			access[m.Name+"_g*/"+table.Name] = projections.Access
		}
	}
	return access
}

// Prepare makes the catalogue and brings the tables of models up to date, those of every generation. A model without any
// gets its first one; a table from before there were generations becomes it, with its rows. Replicas that start together
// wait for each other.
func Prepare(ctx context.Context, pool *pgxpool.Pool, models ...projections.ReadModel) error {
	if len(models) == 0 {
		return nil
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	if err := postgres.Migrate(ctx, pool, "generations", files); err != nil {
		return err
	}
	for _, m := range models {
		if err := prepare(ctx, pool, m); err != nil {
			return fmt.Errorf("read model %s: %w", m.Name, err)
		}
	}
	return nil
}

// Check refuses read models whose tables [Prepare] has yet to make or to bring up to date. It needs no more than [Access].
func Check(ctx context.Context, pool *pgxpool.Pool, models ...projections.ReadModel) error {
	if len(models) == 0 {
		return nil
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	if err := postgres.CheckMigrated(ctx, pool, "generations", files); err != nil {
		return err
	}
	for _, m := range models {
		newest, err := newestMigration(m.Migrations)
		if err != nil {
			return err
		}
		list, err := New(pool).List(ctx, m.Name)
		if err != nil {
			return err
		}
		live := false
		for _, g := range list {
			if !g.Dropped && g.Shape < newest {
				return fmt.Errorf("read model %s: %w", m.Name, &postgres.OlderTablesError{Version: int64(g.Shape), Want: int64(newest)})
			}
			live = live || g.State == Live
		}
		if !live {
			return fmt.Errorf("read model %s: %w", m.Name, &postgres.OlderTablesError{Want: int64(newest)})
		}
	}
	return nil
}

func prepare(ctx context.Context, pool *pgxpool.Pool, m projections.ReadModel) error {
	if err := ensureFirst(ctx, pool, m); err != nil {
		return err
	}
	generations, err := New(pool).List(ctx, m.Name)
	if err != nil {
		return err
	}
	for _, g := range generations {
		if g.Dropped {
			continue
		}
		if err := Migrate(ctx, pool, m, g); err != nil {
			return err
		}
		if g.State == Live {
			if err := publish(ctx, pool, m, g); err != nil {
				return err
			}
		}
	}
	return nil
}

// ensureFirst makes a model's first generation.
func ensureFirst(ctx context.Context, pool *pgxpool.Pool, m projections.ReadModel) error {
	return locked(ctx, pool, m.Name, func(tx pgx.Tx) error {
		var exists, legacy bool
		err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM generations WHERE model = $1), to_regclass($2) IS NOT NULL",
			m.Name, m.Tables[0].Name).Scan(&exists, &legacy)
		if err != nil || exists {
			return err
		}
		first := Generation{Model: m.Name, Number: 1, FoldVersion: m.Version, State: Live, Fed: true}
		if legacy {
			first.FoldVersion = 1 // there were no others then
		}
		if err := insert(ctx, tx, first); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "CREATE SCHEMA "+quote(first.Schema())); err != nil || !legacy {
			return err
		}
		// Of that time are models with one table.
		for _, table := range []string{m.Tables[0].Name, "migrations_" + m.Name} {
			if _, err := tx.Exec(ctx, fmt.Sprintf("ALTER TABLE %s SET SCHEMA %s", quote(table), quote(first.Schema()))); err != nil {
				return err
			}
		}
		return pointView(ctx, tx, m.Tables[0].Name, first)
	})
}

// Migrate brings the tables of a generation to the model's newest migration.
func Migrate(ctx context.Context, pool *pgxpool.Pool, m projections.ReadModel, g Generation) error {
	newest, err := newestMigration(m.Migrations)
	if err != nil || g.Shape >= newest {
		return err
	}
	cfg := pool.Config()
	cfg.MaxConns, cfg.MinConns = 2, 0 // one for the lock, one for the work
	cfg.ConnConfig.RuntimeParams["search_path"] = quote(g.Schema())
	inside, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return err
	}
	defer inside.Close()
	if err := postgres.Migrate(ctx, inside, m.Name, m.Migrations); err != nil {
		return err
	}
	if err := share(ctx, pool, m, g); err != nil {
		return err
	}
	_, err = pool.Exec(ctx, setShapeSQL, pgx.StrictNamedArgs{"model": g.Model, "number": g.Number, "shape": newest})
	return err
}

// share lets those who work with the model's other generations work with this one: a generation that is added while a service
// runs must be open to its role.
func share(ctx context.Context, pool *pgxpool.Pool, m projections.ReadModel, g Generation) error {
	main := m.Tables[0].Name
	rows, _ := pool.Query(ctx, readersSQL, pgx.StrictNamedArgs{"relation": main}) // CollectRows has the error
	roles, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("who reads %s: %w", main, err)
	}
	access := map[string]string{}
	for _, table := range m.Tables {
		access[g.Schema()+"/"+table.Name] = projections.Access
	}
	for _, role := range roles {
		if err := postgres.Grant(ctx, pool, role, access); err != nil {
			return err
		}
	}
	return nil
}

// newestMigration is the number that the last of the files begins with.
func newestMigration(files fs.FS) (newest int, err error) {
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return 0, err
	}
	for _, name := range names {
		number, _, _ := strings.Cut(name, "_")
		n, err := strconv.Atoi(number)
		if err != nil {
			return 0, fmt.Errorf("migration %s has no number", name)
		}
		newest = max(newest, n)
	}
	return newest, nil
}

// publish makes the views that queries use, or gives them the columns that have come since.
func publish(ctx context.Context, pool *pgxpool.Pool, m projections.ReadModel, live Generation) error {
	return locked(ctx, pool, m.Name, func(tx pgx.Tx) error {
		// Someone may have swapped since the catalogue was read.
		if now, err := (Catalogue{tx}).Live(ctx, m.Name); err != nil || now.Number != live.Number {
			return err
		}
		for _, table := range m.Tables {
			seen, err := ColumnsOf(ctx, tx, quote(table.Name))
			if err != nil {
				return err
			}
			want, err := ColumnsOf(ctx, tx, pgx.Identifier{live.Schema(), table.Name}.Sanitize())
			if err != nil {
				return err
			}
			sameName := func(a, b Column) bool { return a.Name == b.Name }
			if slices.EqualFunc(seen, want, sameName) {
				continue // replacing a view waits for its readers: not without need
			}
			if err := pointView(ctx, tx, table.Name, live); err != nil {
				return err
			}
		}
		return nil
	})
}

// Columns are those of a table or view, in their order.
type Columns []Column

// Column has its type as Postgres names it.
type Column struct{ Name, Type string }

// Type is the type of a column, empty if there is no such column.
func (c Columns) Type(name string) string {
	for _, column := range c {
		if column.Name == name {
			return column.Type
		}
	}
	return ""
}

// ColumnsOf reads the columns of a table or view, none if it is not there. The name is quoted where it must be.
func ColumnsOf(ctx context.Context, tx pgx.Tx, relation string) (Columns, error) {
	rows, err := tx.Query(ctx, columnsSQL, pgx.StrictNamedArgs{"relation": relation})
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Column])
}

// pointView leads queries for a table to a generation. It waits for statements that read the view at this moment, and those
// that come wait for the end of tx.
//
// The view keeps the types its columns have, whatever those of the generation are: it could not be replaced otherwise, and
// statements that are prepared would fail.
func pointView(ctx context.Context, tx pgx.Tx, table string, g Generation) error {
	there := pgx.Identifier{g.Schema(), table}.Sanitize()
	seen, err := ColumnsOf(ctx, tx, quote(table))
	if err != nil {
		return err
	}
	kept, err := ColumnsOf(ctx, tx, there)
	if err != nil {
		return err
	}
	selected := make([]string, len(kept))
	for i, c := range kept {
		selected[i] = quote(c.Name)
		if known := seen.Type(c.Name); known != "" && known != c.Type {
			selected[i] = fmt.Sprintf("%s::%s AS %[1]s", quote(c.Name), known)
		}
	}
	_, err = tx.Exec(ctx, fmt.Sprintf("CREATE OR REPLACE VIEW %s AS SELECT %s FROM %s", quote(table), strings.Join(selected, ", "), there))
	if err != nil {
		return fmt.Errorf("point %s to generation %d: %w", table, g.Number, err)
	}
	return nil
}

// locked is [Locked].
func locked(ctx context.Context, pool *pgxpool.Pool, model string, f func(pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, lockModelSQL, pgx.StrictNamedArgs{"model": model}); err != nil {
			return fmt.Errorf("lock the catalogue: %w", err)
		}
		return f(tx)
	})
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }

func insert(ctx context.Context, tx pgx.Tx, g Generation) error {
	_, err := tx.Exec(ctx, createSQL, pgx.StrictNamedArgs{
		"model": g.Model, "number": g.Number, "fold_version": g.FoldVersion, "state": g.State, "fed": g.Fed, "until": g.Until,
	})
	return err
}
