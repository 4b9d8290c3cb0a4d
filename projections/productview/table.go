package productview

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
	//go:embed sql/list.sql
	listSQL string
)

// Model is the read model of the catalog.
var Model = projections.Model[Product]{
	Name:       "productview",
	Version:    1,
	Category:   "product",
	Table:      "productview_products",
	Columns:    columns,
	Values:     values,
	Migrations: Migrations(),
	Key:        Key,
	Apply:      Apply,
	KeyOf:      func(p Product) string { return string(p.SKU) },
	LoadSQL:    loadSQL,
	SaveSQL:    saveSQL,
	Scan:       scan,
}

// Migrations are the goose migrations of the model's table.
func Migrations() fs.FS {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // the folder is embedded above
	}
	return sub
}

// scan reads the columns in the order that load.sql and list.sql give them.
func scan(row pgx.CollectableRow) (Product, error) {
	var p Product
	err := row.Scan(&p.SKU, &p.Name, &p.Price.Amount, &p.Price.Currency, &p.Status, &p.Version, &p.Position, &p.Applied)
	return p, err
}

var columns = []string{
	"sku", "name", "price_amount", "price_currency", "status", "version", "position", "applied",
}

// values gives a row's columns, in their order.
func values(p Product) []any {
	return []any{
		string(p.SKU), p.Name, p.Price.Amount, p.Price.Currency, string(p.Status), int64(p.Version),
		int64(p.Position), p.Applied,
	}
}
