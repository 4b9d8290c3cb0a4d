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

// Filter says which sales to list: from one day to another, both included, and of one SKU unless that is empty.
type Filter struct {
	From, To time.Time
	SKU      string
}

// Cursor is the place after a row of a list. It means something only together with the filter of that list.
type Cursor struct {
	Day      time.Time `json:"day"`
	SKU      string    `json:"sku"`
	Currency string    `json:"currency"`
}

// Page is a part of a list. Next is where the following part begins, nil after the last one.
type Page struct {
	Sales []Sales
	Next  *Cursor
}

// Days returns up to limit rows (at least 1) after a cursor, or from the first when it is nil, by day, SKU and currency. The
// rows of a page come from one moment.
func (q *Queries) Days(ctx context.Context, f Filter, limit int, after *Cursor) (Page, error) {
	limit = max(limit, 1)
	args := pgx.StrictNamedArgs{
		"from": f.From, "to": f.To, "sku": f.SKU, "after_day": nil, "after_sku": nil, "after_currency": nil, "limit": limit + 1,
	}
	if after != nil {
		args["after_day"], args["after_sku"], args["after_currency"] = after.Day, after.SKU, after.Currency
	}
	var sales []Sales
	rows, err := q.pool.Query(ctx, daysSQL, pgx.QueryExecModeCacheDescribe, args)
	if err == nil {
		sales, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Sales])
	}
	if err != nil {
		return Page{}, fmt.Errorf("sales from %s to %s: %w", f.From.Format(time.DateOnly), f.To.Format(time.DateOnly), err)
	}
	if len(sales) <= limit {
		return Page{Sales: sales}, nil
	}
	last := sales[limit-1]
	return Page{Sales: sales[:limit], Next: &Cursor{last.Day, last.SKU, last.Currency}}, nil
}
