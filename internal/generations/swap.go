package generations

import (
	"context"
	_ "embed"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ordo-platform/ordo/projections"
)

var (
	//go:embed sql/record.sql
	recordSQL string
	//go:embed sql/retire_live.sql
	retireLiveSQL string
	//go:embed sql/make_live.sql
	makeLiveSQL string
)

// Swap makes a generation the live one within tx, and retires the one that was. What makes readers wait comes last; they
// wait until tx ends. That the generation is as far as the live one is for the caller to see to, within the same tx.
func Swap(ctx context.Context, tx pgx.Tx, m projections.ReadModel, g Generation) error {
	if _, err := tx.Exec(ctx, retireLiveSQL, pgx.StrictNamedArgs{"model": g.Model}); err != nil {
		return fmt.Errorf("retire the live generation: %w", err)
	}
	made, err := tx.Exec(ctx, makeLiveSQL, pgx.StrictNamedArgs{"model": g.Model, "number": g.Number})
	if err == nil && made.RowsAffected() != 1 {
		err = &NotFoundError{g.Model, g.Number}
	}
	if err != nil {
		return fmt.Errorf("make generation %d live: %w", g.Number, err)
	}
	for _, table := range m.Tables {
		if err := pointView(ctx, tx, table.Name, g); err != nil {
			return err
		}
	}
	return nil
}

// Record notes how far a generation has come.
func Record(ctx context.Context, db Querier, g Generation) error {
	tag, err := db.Exec(ctx, recordSQL, pgx.StrictNamedArgs{
		"model": g.Model, "number": g.Number, "state": g.State, "fed": g.Fed, "built_to": g.BuiltTo,
		"events": g.Events, "rows": g.Rows, "checksum": g.Checksum, "reason": g.Reason,
	})
	if err == nil && tag.RowsAffected() != 1 {
		err = &NotFoundError{g.Model, g.Number}
	}
	if err != nil {
		return fmt.Errorf("record generation %d of %s: %w", g.Number, g.Model, err)
	}
	return nil
}

// Locked runs f in a transaction that has a model's catalogue for itself.
func Locked(ctx context.Context, pool *pgxpool.Pool, model string, f func(pgx.Tx) error) error {
	return locked(ctx, pool, model, f)
}
