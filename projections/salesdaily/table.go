package salesdaily

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
	//go:embed sql/days.sql
	daysSQL string
)

// Model is the read model of sales.
var Model = projections.Model[Order]{
	Name:       "salesdaily",
	Version:    1,
	Category:   "order",
	Table:      "salesdaily_orders",
	Columns:    []string{"id", "day", "counted", "lines", "version", "position", "applied"},
	Values:     values,
	Migrations: Migrations(),
	Key:        Key,
	Apply:      Apply,
	KeyOf:      func(o Order) string { return string(o.ID) },
	LoadSQL:    loadSQL,
	SaveSQL:    saveSQL,
	Scan:       scan,
	Rollup: &projections.Rollup[Order]{
		Table:   "salesdaily_days",
		Columns: []string{"day", "sku", "currency", "orders", "pieces", "revenue"},
		Key:     3,
		Of:      sold,
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

// scan reads the columns in the order that load.sql gives them.
func scan(row pgx.CollectableRow) (Order, error) {
	var o Order
	err := row.Scan(&o.ID, &o.Day, &o.Counted, &o.Lines, &o.Version, &o.Position, &o.Applied)
	return o, err
}

// values gives a row's columns, in their order.
func values(o Order) []any {
	return []any{string(o.ID), o.Day, o.Counted, o.Lines, int64(o.Version), int64(o.Position), o.Applied}
}
