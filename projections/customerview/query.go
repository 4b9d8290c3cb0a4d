package customerview

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ordo-platform/ordo/aggregates/customer"
)

// Queries answers questions about customers.
type Queries struct {
	pool *pgxpool.Pool
}

// NewQueries returns queries over pool, whose database has the model's table.
func NewQueries(pool *pgxpool.Pool) *Queries { return &Queries{pool} }

// Get returns a customer, blocked or not, or a *[projections.NotFoundError].
func (q *Queries) Get(ctx context.Context, id customer.ID) (Customer, error) {
	return Model.Get(ctx, q.pool, string(id))
}
