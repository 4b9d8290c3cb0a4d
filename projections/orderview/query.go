package orderview

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/projections"
)

// Queries answers questions about orders.
type Queries struct {
	pool  *pgxpool.Pool
	model projections.Model[Order]
	list  string
}

// NewQueries returns queries over pool, whose database has the model's table.
func NewQueries(pool *pgxpool.Pool) *Queries { return &Queries{pool, Model, listSQL} }

// In returns queries to the tables in a schema: to a generation, live or not.
func (q *Queries) In(schema string) *Queries {
	return &Queries{q.pool, Model.In(schema), projections.Qualify(listSQL, schema, Model.Table)}
}

// Get returns an order with its history, or a *[projections.NotFoundError].
func (q *Queries) Get(ctx context.Context, id order.ID) (Order, error) {
	return q.model.Get(ctx, q.pool, string(id))
}

// Filter narrows a list; zero fields do not.
type Filter struct {
	Status     order.Status
	CustomerID string
}

// Cursor is the place after an order in a list. It means something only together with the filter of that list.
type Cursor struct {
	PlacedAt time.Time `json:"placed_at"`
	ID       order.ID  `json:"id"`
}

// Page is a part of a list. Next is where the following part begins, nil after the last one.
type Page struct {
	Orders []Order
	Next   *Cursor
}

// List returns orders without their history, newest first: up to limit of them (at least 1) after a cursor, or from the
// newest when it is nil. An order that is placed while a reader pages through appears on no later page, and none of those
// before it is lost or repeated.
func (q *Queries) List(ctx context.Context, f Filter, limit int, after *Cursor) (Page, error) {
	limit = max(limit, 1)
	rows, err := q.pool.Query(ctx, q.list, listArgs(f, limit+1, after)...)
	if err != nil {
		return Page{}, fmt.Errorf("list orders: %w", err)
	}
	orders, err := pgx.CollectRows(rows, scan)
	if err != nil {
		return Page{}, fmt.Errorf("list orders: %w", err)
	}
	if len(orders) <= limit {
		return Page{Orders: orders}, nil
	}
	last := orders[limit-1]
	return Page{Orders: orders[:limit], Next: &Cursor{PlacedAt: last.PlacedAt, ID: last.ID}}, nil
}

// listArgs asks for a plan that is made for these very values, so that what is not asked for keeps no index from being
// used. A prepared statement may come to share one plan among all filters, whenever Postgres takes that for the cheaper way.
func listArgs(f Filter, limit int, after *Cursor) []any {
	args := pgx.StrictNamedArgs{
		"status": f.Status, "customer_id": f.CustomerID, "placed_at": nil, "id": nil, "limit": limit,
	}
	if after != nil {
		args["placed_at"], args["id"] = after.PlacedAt, after.ID
	}
	return []any{pgx.QueryExecModeCacheDescribe, args}
}
