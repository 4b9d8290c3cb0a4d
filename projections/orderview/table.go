package orderview

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

// Model is the read model of orders.
var Model = projections.Model[Order]{
	Name:       "orderview",
	Version:    1,
	Category:   "order",
	Table:      "orderview_orders",
	Columns:    columns,
	Values:     values,
	Migrations: Migrations(),
	Key:        Key,
	Apply:      Apply,
	KeyOf:      func(o Order) string { return string(o.ID) },
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
func scan(row pgx.CollectableRow) (Order, error) {
	var o Order
	err := row.Scan(&o.ID, &o.CustomerID, &o.Status, &o.Lines, &o.Total.Amount, &o.Total.Currency, &o.PaymentMethod,
		&o.Reason, &o.Detail, &o.Shortages, &o.Carrier, &o.TrackingNumber, &o.PlacedAt, &o.UpdatedAt, &o.History, &o.Version, &o.Position, &o.Applied)
	o.PlacedAt, o.UpdatedAt = o.PlacedAt.UTC(), o.UpdatedAt.UTC()
	return o, err
}

var columns = []string{
	"id", "customer_id", "status", "lines", "total_amount", "total_currency", "payment_method", "reason", "detail",
	"shortages", "carrier", "tracking_number", "placed_at", "updated_at", "history", "version", "position", "applied",
}

// values gives a row's columns, in their order.
func values(o Order) []any {
	return []any{
		string(o.ID), o.CustomerID, string(o.Status), o.Lines, o.Total.Amount, o.Total.Currency, o.PaymentMethod,
		string(o.Reason), o.Detail, o.Shortages, o.Carrier, o.TrackingNumber, o.PlacedAt, o.UpdatedAt, o.History,
		int64(o.Version), int64(o.Position), o.Applied,
	}
}
