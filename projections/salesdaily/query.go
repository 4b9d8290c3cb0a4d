package salesdaily

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Queries answers questions about sales.
type Queries struct {
	pool *pgxpool.Pool
}

// NewQueries returns queries over pool, whose database has the model's tables.
func NewQueries(pool *pgxpool.Pool) *Queries { return &Queries{pool} }

// Sales is what was sold of a SKU on a day, at prices in one currency.
type Sales struct {
	Day      time.Time
	SKU      string
	Currency string
	Orders   int64
	Pieces   int64
	Revenue  int64 // in minor units of Currency
}

// Days returns the sales from one day to another, both included, by day, SKU and currency. All of them come from one moment.
func (q *Queries) Days(ctx context.Context, from, to time.Time) ([]Sales, error) {
	rows, err := q.pool.Query(ctx, daysSQL, pgx.StrictNamedArgs{"from": from, "to": to})
	if err != nil {
		return nil, fmt.Errorf("sales from %s to %s: %w", from.Format(time.DateOnly), to.Format(time.DateOnly), err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Sales])
}
