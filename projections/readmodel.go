package projections

import (
	"context"
	"io/fs"
	"regexp"

	"github.com/jackc/pgx/v5"

	"github.com/ordo-platform/ordo/eventstore"
)

// Handler applies events live, see [Projector.Handle].
type Handler interface {
	Handle(ctx context.Context, tx pgx.Tx, events []eventstore.Recorded) error
}

// ReadModel is a [Model] whatever its row is: what is needed to run it and to keep its generations.
type ReadModel struct {
	Name       string
	Version    int // of the fold
	Table      string
	Columns    []string // the primary key comes first
	Migrations fs.FS

	// Projector feeds the tables in a schema.
	Projector func(schema string) Handler
}

// ReadModel returns the model without the type of its row.
func (m Model[R]) ReadModel() ReadModel {
	return ReadModel{
		Name:       m.Name,
		Version:    m.Version,
		Table:      m.Table,
		Columns:    m.Columns,
		Migrations: m.Migrations,
		Projector:  func(schema string) Handler { return NewProjector(m.In(schema)) },
	}
}

// In returns the model with its tables in a schema: a generation of them. The text of each statement differs from that of
// other generations, so prepared statements never meet a table they were not planned for.
func (m Model[R]) In(schema string) Model[R] {
	name := regexp.MustCompile(`\b` + regexp.QuoteMeta(m.Table) + `\b`)
	qualified := pgx.Identifier{schema, m.Table}.Sanitize()
	m.LoadSQL = name.ReplaceAllLiteralString(m.LoadSQL, qualified)
	m.SaveSQL = name.ReplaceAllLiteralString(m.SaveSQL, qualified)
	return m
}
