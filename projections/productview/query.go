package productview

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ordo-platform/ordo/aggregates/product"
)

// Queries answers questions about products.
type Queries struct {
	pool *pgxpool.Pool
}

// NewQueries returns queries over pool, whose database has the model's table.
func NewQueries(pool *pgxpool.Pool) *Queries { return &Queries{pool} }

// Get returns a product, discontinued or not, or a *[projections.NotFoundError].
func (q *Queries) Get(ctx context.Context, sku product.SKU) (Product, error) {
	return Model.Get(ctx, q.pool, string(sku))
}

// GetMany returns those of the products that are known, discontinued or not, all as of one moment: an order is priced
// from a catalog that was so at some time.
func (q *Queries) GetMany(ctx context.Context, skus []product.SKU) (map[product.SKU]Product, error) {
	keys := make([]string, len(skus))
	for i, sku := range skus {
		keys[i] = string(sku)
	}
	rows, err := Model.Load(ctx, q.pool, keys)
	if err != nil {
		return nil, err
	}
	products := make(map[product.SKU]Product, len(rows))
	for _, p := range rows {
		products[p.SKU] = p
	}
	return products, nil
}

// Filter narrows a list.
type Filter struct {
	IncludeDiscontinued bool
}

// Page is a part of a list. Next is where the following part begins, empty after the last one.
type Page struct {
	Products []Product
	Next     product.SKU
}

// List returns up to limit products (at least 1) after a SKU, by SKU; the empty SKU comes before all others.
func (q *Queries) List(ctx context.Context, f Filter, limit int, after product.SKU) (Page, error) {
	limit = max(limit, 1)
	rows, err := q.pool.Query(ctx, listSQL, pgx.StrictNamedArgs{
		"include_discontinued": f.IncludeDiscontinued, "after": after, "limit": limit + 1,
	})
	if err != nil {
		return Page{}, fmt.Errorf("list products: %w", err)
	}
	products, err := pgx.CollectRows(rows, scan)
	if err != nil {
		return Page{}, fmt.Errorf("list products: %w", err)
	}
	if len(products) <= limit {
		return Page{Products: products}, nil
	}
	return Page{Products: products[:limit], Next: products[limit-1].SKU}, nil
}
