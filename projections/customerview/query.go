package customerview

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ordo-platform/ordo/aggregates/customer"
	"github.com/ordo-platform/ordo/projections"
)

// Queries answers questions about customers.
type Queries struct {
	customers *projections.Gatherer[Customer]
}

// NewQueries returns queries over pool, whose database has the model's table.
func NewQueries(pool *pgxpool.Pool) *Queries {
	return &Queries{projections.NewGatherer(Model.Name, func(ctx context.Context, ids []string) (map[string]Customer, error) {
		return Model.Load(ctx, pool, ids)
	})}
}

// Get returns a customer, blocked or not, or a *[projections.NotFoundError].
func (q *Queries) Get(ctx context.Context, id customer.ID) (Customer, error) {
	return q.customers.Get(ctx, string(id))
}
