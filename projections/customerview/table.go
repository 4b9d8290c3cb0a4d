package customerview

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
)

// Model is the read model of customers.
var Model = projections.Model[Customer]{
	Name:       "customerview",
	Version:    1,
	Category:   "customer",
	Table:      "customerview_customers",
	Columns:    columns,
	Values:     values,
	Migrations: Migrations(),
	Key:        Key,
	Apply:      Apply,
	KeyOf:      func(c Customer) string { return string(c.ID) },
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

// scan reads the columns in the order that load.sql gives them.
func scan(row pgx.CollectableRow) (Customer, error) {
	var c Customer
	err := row.Scan(&c.ID, &c.Name, &c.Email, &c.Status, &c.Version, &c.Position, &c.Applied)
	return c, err
}

var columns = []string{
	"id", "name", "email", "status", "version", "position", "applied",
}

// values gives a row's columns, in their order.
func values(c Customer) []any {
	return []any{
		string(c.ID), c.Name, c.Email, string(c.Status), int64(c.Version), int64(c.Position), c.Applied,
	}
}
