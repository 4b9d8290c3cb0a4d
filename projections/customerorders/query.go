package customerorders

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ordo-platform/ordo/projections"
)

// Queries answers questions about customers as buyers.
type Queries struct {
	pool *pgxpool.Pool
}

// NewQueries returns queries over pool, whose database has the model's tables.
func NewQueries(pool *pgxpool.Pool) *Queries { return &Queries{pool} }

// Totals are a customer's orders in one currency.
type Totals struct {
	Currency string
	Placed   int64 // orders
	Bought   int64 // of them confirmed, and not undone
	Amount   int64 // of those, in minor units of Currency
}

// Customer is what a customer has ordered.
type Customer struct {
	ID     string
	Totals []Totals // by currency
	Last   []Order  // newest first
}

// Get returns a customer with up to limit of their last orders, or a *[projections.NotFoundError] if they have placed none.
func (q *Queries) Get(ctx context.Context, customer string, limit int) (Customer, error) {
	found := Customer{ID: customer}
	rows, err := q.pool.Query(ctx, totalsSQL, pgx.StrictNamedArgs{"customer_id": customer})
	if err == nil {
		found.Totals, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Totals])
	}
	if err != nil {
		return found, fmt.Errorf("totals of customer %s: %w", customer, err)
	}
	if len(found.Totals) == 0 {
		return found, &projections.NotFoundError{ReadModel: Model.Name, Key: customer}
	}
	rows, err = q.pool.Query(ctx, lastSQL, pgx.StrictNamedArgs{"customer_id": customer, "limit": limit})
	if err == nil {
		found.Last, err = pgx.CollectRows(rows, scan)
	}
	if err != nil {
		return found, fmt.Errorf("last orders of customer %s: %w", customer, err)
	}
	return found, nil
}
