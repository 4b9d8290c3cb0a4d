package projections

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/ordo-platform/ordo/eventstore"
)

// DefaultKeep is that of [BulkOptions].
const DefaultKeep = 10_000

// Bulk folds a long run of events. It does what a [Projector] does, for far bigger batches: rows stay in memory from one
// flush to the next, and rows that are new are copied into the table. It is for one goroutine; several may fill one table
// if no two of them get events of the same stream.
type Bulk interface {
	// Add folds events, oldest first. Rows it needs and does not hold are read from db. After an error the bulk is of no
	// more use. Errors are those of [Projector.Handle].
	Add(ctx context.Context, db Querier, events []eventstore.Recorded) error

	// Flush writes what has changed since the last flush within tx, which the caller commits together with the checkpoint.
	Flush(ctx context.Context, tx pgx.Tx) error
}

// BulkOptions say what a bulk begins with.
type BulkOptions struct {
	Empty bool            // the tables hold no row yet
	Only  map[string]bool // keys to fold; nil: all
	Keep  int             // rows that stay in memory although they have not changed lately; 0: DefaultKeep
}

type bulk[R any] struct {
	model  Model[R]
	schema string
	only   map[string]bool
	keep   int
	rows   map[string]*bulkRow[R]
	whole  bool // rows holds every row there is
	moved  shares
}

type bulkRow[R any] struct {
	row     R
	stored  bool // the table has it, as it was
	changed bool // since the last flush
}

func newBulk[R any](model Model[R], schema string, o BulkOptions) *bulk[R] {
	return &bulk[R]{
		model: model, schema: schema, only: o.Only, keep: cmp.Or(o.Keep, DefaultKeep), rows: map[string]*bulkRow[R]{}, whole: o.Empty,
		moved: shares{},
	}
}

func (b *bulk[R]) Add(ctx context.Context, db Querier, events []eventstore.Recorded) error {
	changes, err := b.model.changes(events)
	if b.only != nil {
		changes = slices.DeleteFunc(changes, func(c change) bool { return !b.only[c.key] })
	}
	if err != nil || len(changes) == 0 {
		return err
	}
	if err := b.load(ctx, db, changes); err != nil {
		return err
	}
	for _, c := range changes {
		held := b.rows[c.key]
		if held == nil {
			held = &bulkRow[R]{}
			b.rows[c.key] = held
		}
		if !held.changed && b.model.Rollup != nil {
			b.moved.move(b.model.Rollup.Of(held.row), -1)
		}
		if held.row, err = b.model.apply(held.row, c); err != nil {
			return err
		}
		held.changed = true
	}
	return nil
}

// load reads the rows that are not held. A stream's first event makes a row, so there is none to read.
func (b *bulk[R]) load(ctx context.Context, db Querier, changes []change) error {
	if b.whole {
		return nil
	}
	begun := map[string]bool{}
	var keys []string
	for _, c := range changes {
		if b.rows[c.key] == nil && !begun[c.key] {
			begun[c.key] = true
			if c.event.Version > 1 {
				keys = append(keys, c.key)
			}
		}
	}
	if len(keys) == 0 {
		return nil
	}
	stored, err := b.model.Load(ctx, db, keys)
	if err != nil {
		return err
	}
	for key, row := range stored {
		b.rows[key] = &bulkRow[R]{row: row, stored: true}
	}
	return nil
}

func (b *bulk[R]) Flush(ctx context.Context, tx pgx.Tx) error {
	var added [][]any
	changed := map[string]R{}
	for key, held := range b.rows {
		if held.changed && b.model.Rollup != nil {
			b.moved.move(b.model.Rollup.Of(held.row), 1)
		}
		switch {
		case !held.changed:
		case held.stored:
			changed[key] = held.row
		default:
			added = append(added, b.model.Values(held.row))
		}
	}
	if len(added) > 0 {
		table := pgx.Identifier{b.schema, b.model.Table}
		if _, err := tx.CopyFrom(ctx, table, b.model.Columns, pgx.CopyFromRows(added)); err != nil {
			return fmt.Errorf("copy %d rows of %s: %w", len(added), b.model.Name, err)
		}
	}
	if len(changed) > 0 {
		if err := b.model.save(ctx, tx, changed); err != nil {
			return err
		}
	}
	if b.model.Rollup != nil {
		if err := b.model.Rollup.add(ctx, tx, b.moved); err != nil {
			return err
		}
	}
	b.settle()
	return nil
}

// settle notes that the table has all rows, and lets go of those that were not touched lately, if there are many.
func (b *bulk[R]) settle() {
	for key, held := range b.rows {
		if !held.changed && len(b.rows) > b.keep {
			delete(b.rows, key)
			b.whole = false
		}
		held.changed, held.stored = false, true
	}
}
