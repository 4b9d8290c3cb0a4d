package projections

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/schemas"
)

// Event is a recorded event with its payload decoded to the newest version of its schema.
type Event struct {
	eventstore.Recorded
	Payload aggregates.Event
}

// Model is all a read model is: a fold and the statements that load and save its rows. R is a row; its JSON members are
// named like the columns that SaveSQL writes.
type Model[R any] struct {
	Name string // prefix of the model's tables

	// Version is that of the fold. Raise it with every change after which the same events give other rows: rows of two
	// versions never share a table.
	Version int

	// Category is that of the streams whose events concern the model, "order" for instance. Events of others are not decoded;
	// their type has to be known all the same.
	Category string

	Table      string   // where the rows are
	Columns    []string // of a row, for bulk writing and comparing; the primary key comes first
	Values     func(R) []any
	Migrations fs.FS // goose migrations that make the table

	// Key says which row an event concerns; not ok is an event the model has no interest in. A row is fed by one stream.
	Key func(Event) (key string, ok bool)

	// Apply returns the row after the event; the zero R stands for a row that does not exist yet. It is pure, shares no
	// memory it changes with the row it was given, and sees every event of its key once, in order. It fails only on a
	// history that cannot be: the batch is rolled back and the projection stops.
	Apply func(R, Event) (R, error)

	KeyOf   func(R) string // the key a row is stored under
	LoadSQL string         // @keys text[] → the rows that exist
	SaveSQL string         // @rows jsonb, an array of R → inserted, or updated where the stored position is lower
	Scan    pgx.RowToFunc[R]

	Rollup *Rollup[R] // sums over the rows; nil if the model keeps none
}

// Access is what the projector's role needs on the tables of a model, which is all it should get.
const Access = "SELECT, INSERT, UPDATE"

// Querier runs a query: a pool, a connection or a transaction.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// Load returns the rows that exist for the keys. They come from one statement, so they are of one moment.
func (m Model[R]) Load(ctx context.Context, db Querier, keys []string) (map[string]R, error) {
	result, err := db.Query(ctx, m.LoadSQL, pgx.StrictNamedArgs{"keys": keys})
	if err != nil {
		return nil, fmt.Errorf("load %d rows of %s: %w", len(keys), m.Name, err)
	}
	found, err := pgx.CollectRows(result, m.Scan)
	if err != nil {
		return nil, fmt.Errorf("load %d rows of %s: %w", len(keys), m.Name, err)
	}
	rows := make(map[string]R, len(keys))
	for _, row := range found {
		rows[m.KeyOf(row)] = row
	}
	return rows, nil
}

// Get returns the row of a key, or a *[NotFoundError].
func (m Model[R]) Get(ctx context.Context, db Querier, key string) (R, error) {
	rows, err := m.Load(ctx, db, []string{key})
	if err != nil {
		var none R
		return none, err
	}
	row, ok := rows[key]
	if !ok {
		return row, &NotFoundError{ReadModel: m.Name, Key: key}
	}
	return row, nil
}

// change is an event and the row it concerns.
type change struct {
	key   string
	event Event
}

// changes decodes events and drops those the model has no interest in. Their type has to be known nevertheless: whether an
// event matters can be said only of events that are understood.
func (m Model[R]) changes(events []eventstore.Recorded) ([]change, error) {
	changes := make([]change, 0, len(events))
	for _, recorded := range events {
		if recorded.Stream.Category() != m.Category {
			if err := schemas.Known(recorded.Event); err != nil {
				return nil, m.failed(recorded, err)
			}
			continue
		}
		payload, err := schemas.Decode(recorded.Event)
		if err != nil {
			return nil, m.failed(recorded, err)
		}
		event := Event{Recorded: recorded, Payload: payload}
		if key, ok := m.Key(event); ok {
			changes = append(changes, change{key, event})
		}
	}
	return changes, nil
}

// fold applies changes, in order, to rows; rows that are missing come into being.
func (m Model[R]) fold(rows map[string]R, changes []change) error {
	for _, c := range changes {
		row, err := m.apply(rows[c.key], c)
		if err != nil {
			return err
		}
		rows[c.key] = row
	}
	return nil
}

func (m Model[R]) apply(row R, c change) (R, error) {
	row, err := m.Apply(row, c.event)
	if err != nil {
		return row, m.failed(c.event.Recorded, err)
	}
	// The payload names the row, too. Were it another one, the row would be saved over that one's.
	if key := m.KeyOf(row); key != c.key {
		return row, m.failed(c.event.Recorded, fmt.Errorf("payload is about %q", key))
	}
	return row, nil
}

// save writes rows in one statement. A row that is stored at the same or a later position has been written by someone who
// reads the same log and is ahead of us; then nothing may be kept of this batch.
func (m Model[R]) save(ctx context.Context, tx pgx.Tx, rows map[string]R) error {
	encoded, err := json.Marshal(slices.Collect(maps.Values(rows)))
	if err != nil {
		return fmt.Errorf("save %d rows of %s: %w", len(rows), m.Name, err)
	}
	tag, err := tx.Exec(ctx, m.SaveSQL, pgx.StrictNamedArgs{"rows": encoded})
	if err != nil {
		return fmt.Errorf("save %d rows of %s: %w", len(rows), m.Name, err)
	}
	if saved := int(tag.RowsAffected()); saved != len(rows) {
		return &OvertakenError{ReadModel: m.Name, Rows: len(rows) - saved}
	}
	return nil
}

func (m Model[R]) failed(e eventstore.Recorded, err error) error {
	return &EventError{
		ReadModel: m.Name, Stream: e.Stream, Version: e.Version, Position: e.Position, Type: e.Type, Err: err,
	}
}
