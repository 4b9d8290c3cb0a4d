package stocklevels

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

// Model is the read model of stock.
var Model = projections.Model[Level]{
	Name:       "stocklevels",
	Version:    1,
	Category:   "stock",
	Table:      "stocklevels_levels",
	Columns:    columns,
	Values:     values,
	Migrations: Migrations(),
	Key:        Key,
	Apply:      Apply,
	KeyOf:      func(l Level) string { return string(l.SKU) },
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
func scan(row pgx.CollectableRow) (Level, error) {
	var l Level
	err := row.Scan(&l.SKU, &l.OnHand, &l.Reserved, &l.Version, &l.Position, &l.Applied)
	return l, err
}

var columns = []string{
	"sku", "on_hand", "reserved", "version", "position", "applied",
}

// values gives a row's columns, in their order.
func values(l Level) []any {
	return []any{
		string(l.SKU), l.OnHand, l.Reserved, int64(l.Version), int64(l.Position), l.Applied,
	}
}
