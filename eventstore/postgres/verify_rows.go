package postgres

import (
	"time"

	"github.com/ordo-platform/ordo/eventstore"
)

// commitRow is a row of log_commits, or the place of one that is not there.
type commitRow struct {
	first, last eventstore.Position
	recordedAt  int64 // microseconds since 2000, as Postgres counts
	link        eventstore.Hash
	missing     bool
}

func (c *commitRow) linkOn(before eventstore.Hash, recordedAt int64, leaves []byte) eventstore.Hash {
	return eventstore.LinkHash(before, c.first, c.last, time.UnixMicro(recordedAt+epochOfPostgres), leaves)
}

// epochOfPostgres is 2000-01-01 in microseconds since 1970.
const epochOfPostgres = 946_684_800_000_000

// eventRow is a row of events as the server sends it. Its bytes are only valid as long as the row.
type eventRow struct {
	position, prev eventstore.Position
	recordedAt     int64
	id             []byte
	version        eventstore.Version
	schemaVersion  int
	partition      int32
	stream, name   []byte
	data, metadata []byte
}

func (e *eventRow) read(row copyRow) {
	e.position, e.prev = eventstore.Position(row.number()), eventstore.Position(row.number())
	e.recordedAt = row.number()
	e.id = row.bytes()
	e.version, e.schemaVersion = eventstore.Version(row.number()), int(row.number())
	e.partition = int32(row.number()) //nolint:gosec // the column is an integer
	e.stream, e.name, e.data, e.metadata = row.bytes(), row.bytes(), row.bytes(), row.bytes()
}

const (
	commitColumns = 4
	eventColumns  = 11
)
