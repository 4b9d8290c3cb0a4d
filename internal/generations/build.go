package generations

import (
	"context"
	_ "embed"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/projections"
)

var (
	//go:embed sql/next_number.sql
	nextNumberSQL string
	//go:embed sql/indexes.sql
	indexesSQL string
)

// Create makes a new generation with empty tables, which whoever may use those of the live one may use. Until is set for a
// view of the past. Indexes that rows do not need are left out until [Index].
func Create(ctx context.Context, pool *pgxpool.Pool, m projections.ReadModel, until *eventstore.Position) (Generation, error) {
	g := Generation{Model: m.Name, FoldVersion: m.Version, State: Building, Until: until}
	err := locked(ctx, pool, m.Name, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, nextNumberSQL, pgx.StrictNamedArgs{"model": m.Name}).Scan(&g.Number); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "CREATE SCHEMA "+quote(g.Schema())); err != nil {
			return err
		}
		return insert(ctx, tx, g)
	})
	if err == nil {
		err = Migrate(ctx, pool, m, g)
	}
	if err != nil {
		return Generation{}, fmt.Errorf("make generation %d of %s: %w", g.Number, m.Name, err)
	}
	return New(pool).Get(ctx, m.Name, g.Number)
}

// DropIndexes drops the indexes of a generation that [Index] makes again: rows come faster without. It does nothing once
// there are rows.
func DropIndexes(ctx context.Context, pool *pgxpool.Pool, g Generation) error {
	return locked(ctx, pool, g.Model, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, indexesSQL, pgx.StrictNamedArgs{"schema": quote(g.Schema())})
		if err != nil {
			return err
		}
		var drops, definitions []string
		var name, definition string
		_, err = pgx.ForEachRow(rows, []any{&name, &definition}, func() error {
			drops, definitions = append(drops, "DROP INDEX "+name), append(definitions, definition)
			return nil
		})
		if err != nil || len(drops) == 0 {
			return err
		}
		if err := execute(ctx, tx, drops); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "UPDATE generations SET indexes = indexes || $3 WHERE model = $1 AND number = $2", g.Model, g.Number, definitions)
		return err
	})
}

// Index makes the indexes that [DropIndexes] dropped, and collects statistics. It may be repeated.
func Index(ctx context.Context, pool *pgxpool.Pool, m projections.ReadModel, g Generation) error {
	return locked(ctx, pool, g.Model, func(tx pgx.Tx) error {
		var definitions []string
		err := tx.QueryRow(ctx, "SELECT indexes FROM generations WHERE model = $1 AND number = $2 FOR UPDATE", g.Model, g.Number).Scan(&definitions)
		if err != nil {
			return err
		}
		if err := execute(ctx, tx, definitions); err != nil {
			return fmt.Errorf("index generation %d: %w", g.Number, err)
		}
		for _, table := range m.Tables {
			if _, err := tx.Exec(ctx, "ANALYZE "+pgx.Identifier{g.Schema(), table.Name}.Sanitize()); err != nil {
				return err
			}
		}
		_, err = tx.Exec(ctx, "UPDATE generations SET indexes = '{}' WHERE model = $1 AND number = $2", g.Model, g.Number)
		return err
	})
}

// Drop deletes the tables of a generation that is not live. Its row stays, for its number is never used again.
func Drop(ctx context.Context, tx pgx.Tx, g Generation) error {
	if g.State == Live {
		return errors.New("the live generation cannot be dropped")
	}
	if _, err := tx.Exec(ctx, "DROP SCHEMA IF EXISTS "+quote(g.Schema())+" CASCADE"); err != nil {
		return fmt.Errorf("drop generation %d of %s: %w", g.Number, g.Model, err)
	}
	_, err := tx.Exec(ctx, "UPDATE generations SET dropped = true, fed = false WHERE model = $1 AND number = $2", g.Model, g.Number)
	return err
}

func execute(ctx context.Context, tx pgx.Tx, statements []string) error {
	for _, statement := range statements {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}
