package customerorders

import (
	"embed"
	"io/fs"

	"github.com/jackc/pgx/v5"

	"github.com/ordo-platform/ordo/projections"
)

//go:embed migrations/*.sql
var migrations embed.FS

var (
	//go:embed sql/load.sql
	loadSQL string
	//go:embed sql/save.sql
	saveSQL string
	//go:embed sql/add.sql
	addSQL string
	//go:embed sql/totals.sql
	totalsSQL string
	//go:embed sql/last.sql
	lastSQL string
)

// Model is the read model of customers as buyers.
var Model = projections.Model[Order]{
	Name:       "customerorders",
	Version:    1,
	Category:   "order",
	Table:      "customerorders_orders",
	Columns:    []string{"id", "customer_id", "bought", "total_amount", "total_currency", "placed_at", "version", "position", "applied"},
	Values:     values,
	Migrations: Migrations(),
	Key:        Key,
	Apply:      Apply,
	KeyOf:      func(o Order) string { return string(o.ID) },
	LoadSQL:    loadSQL,
	SaveSQL:    saveSQL,
	Scan:       scan,
	Rollup: &projections.Rollup[Order]{
		Table:   "customerorders_totals",
		Columns: []string{"customer_id", "currency", "placed", "bought", "amount"},
		Key:     2,
		Of:      bought,
		AddSQL:  addSQL,
	},
}

// Migrations are the goose migrations of the model's tables.
func Migrations() fs.FS {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // the folder is embedded above
	}
	return sub
}

// scan reads the columns in the order that load.sql and last.sql give them.
func scan(row pgx.CollectableRow) (Order, error) {
	var o Order
	err := row.Scan(&o.ID, &o.CustomerID, &o.Bought, &o.Total.Amount, &o.Total.Currency, &o.PlacedAt, &o.Version, &o.Position, &o.Applied)
	o.PlacedAt = o.PlacedAt.UTC()
	return o, err
}

// values gives a row's columns, in their order.
func values(o Order) []any {
	return []any{
		string(o.ID), o.CustomerID, o.Bought, o.Total.Amount, o.Total.Currency, o.PlacedAt, int64(o.Version), int64(o.Position), o.Applied,
	}
}
