package stocklevels

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ordo-platform/ordo/aggregates/stock"
)

// Queries answers questions about stock.
type Queries struct {
	pool *pgxpool.Pool
}

// NewQueries returns queries over pool, whose database has the model's table.
func NewQueries(pool *pgxpool.Pool) *Queries { return &Queries{pool} }

// Get returns the stock of a SKU, or a *[projections.NotFoundError] if it never had any.
func (q *Queries) Get(ctx context.Context, sku stock.SKU) (Level, error) {
	return Model.Get(ctx, q.pool, string(sku))
}

// Page is a part of a list. Next is where the following part begins, empty after the last one.
type Page struct {
	Levels []Level
	Next   stock.SKU
}

// List returns the stock of up to limit SKUs (at least 1) after a SKU, by SKU; the empty SKU comes before all others.
func (q *Queries) List(ctx context.Context, limit int, after stock.SKU) (Page, error) {
	limit = max(limit, 1)
	rows, err := q.pool.Query(ctx, listSQL, pgx.StrictNamedArgs{"after": after, "limit": limit + 1})
	if err != nil {
		return Page{}, fmt.Errorf("list stock: %w", err)
	}
	levels, err := pgx.CollectRows(rows, scan)
	if err != nil {
		return Page{}, fmt.Errorf("list stock: %w", err)
	}
	if len(levels) <= limit {
		return Page{Levels: levels}, nil
	}
	return Page{Levels: levels[:limit], Next: levels[limit-1].SKU}, nil
}
