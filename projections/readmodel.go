package projections

import (
	"context"
	"io/fs"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/ordo-platform/ordo/eventstore"
)

// Handler applies events live, see [Projector.Handle].
type Handler interface {
	Handle(ctx context.Context, tx pgx.Tx, events []eventstore.Recorded) error
}

// ReadModel is a [Model] whatever its row is: what is needed to run it, to rebuild it and to compare its generations.
type ReadModel struct {
	Name       string
	Version    int // of the fold
	Tables     []Table
	Migrations fs.FS

	// Projector feeds the tables in a schema.
	Projector func(schema string) Handler

	// Bulk fills the tables in a schema.
	Bulk func(schema string, o BulkOptions) Bulk
}

// Table is a table of a read model.
type Table struct {
	Name    string
	Columns []string // the key comes first
	Key     int      // how many columns the key has
	Where   string   // a condition that rows meet which say something; empty: all do
}

// ReadModel returns the model without the type of its row.
func (m Model[R]) ReadModel() ReadModel {
	tables := []Table{{Name: m.Table, Columns: m.Columns, Key: 1}}
	if r := m.Rollup; r != nil {
		// Sums that came back to nothing are rows in one generation and none in the other, as events were batched.
		some := strings.Join(r.Columns[r.Key:], " <> 0 OR ") + " <> 0"
		tables = append(tables, Table{Name: r.Table, Columns: r.Columns, Key: r.Key, Where: some})
	}
	return ReadModel{
		Name:       m.Name,
		Version:    m.Version,
		Tables:     tables,
		Migrations: m.Migrations,
		Projector:  func(schema string) Handler { return NewProjector(m.In(schema)) },
		Bulk:       func(schema string, o BulkOptions) Bulk { return newBulk(m.In(schema), schema, o) },
	}
}

// In returns the model with its tables in a schema: a generation of them. The text of each statement differs from that of
// other generations, so prepared statements never meet a table they were not planned for.
func (m Model[R]) In(schema string) Model[R] {
	m.LoadSQL = Qualify(m.LoadSQL, schema, m.Table)
	m.SaveSQL = Qualify(m.SaveSQL, schema, m.Table)
	if m.Rollup != nil {
		rollup := *m.Rollup
		rollup.AddSQL = Qualify(rollup.AddSQL, schema, rollup.Table)
		m.Rollup = &rollup
	}
	return m
}

// Qualify puts a schema in front of a table, wherever a statement names it.
func Qualify(sql, schema, table string) string {
	name := regexp.MustCompile(`\b` + regexp.QuoteMeta(table) + `\b`)
	return name.ReplaceAllLiteralString(sql, pgx.Identifier{schema, table}.Sanitize())
}
