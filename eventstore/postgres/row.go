package postgres

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/ordo-platform/ordo/eventstore"
)

// Row is a stored event together with its metadata byte for byte: what a copy of the log, or a proof of it, is made of.
type Row struct {
	eventstore.Recorded
	RawMetadata []byte
}

// rowFormats asks for the columns of an event in binary, in the order of the read_*.sql files.
var rowFormats = pgx.QueryResultFormats{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}

// rowDecoder turns the columns of an event into Go. Doing so by hand takes a third of the time of Scan, which looks for
// the way from each column's type to a Go type again for every row.
type rowDecoder struct {
	types  map[string]string   // names of event types are few: each is kept once
	stream eventstore.StreamID // of the row before, often the same
}

// postgresEpoch is 2000-01-01 in Unix microseconds: Postgres counts from there.
const postgresEpoch = 946_684_800_000_000

// errNotBinary happens only when a pool was told to speak the simple protocol, which knows nothing but text.
var errNotBinary = errors.New("event rows are not binary: the event store needs the extended query protocol")

func (d *rowDecoder) decode(rows pgx.Rows) (Row, error) {
	v := rows.RawValues() // valid until the next row
	if len(v) != len(rowFormats) || rows.FieldDescriptions()[0].Format != 1 {
		return Row{}, errNotBinary
	}
	r := Row{Recorded: eventstore.Recorded{
		Event: eventstore.Event{
			ID:            uuid.UUID(v[3]),
			Type:          d.typeName(v[8]),
			SchemaVersion: int(decodeInt32(v[5])),
			Data:          clone(v[9]),
		},
		Stream:     d.streamID(v[7]),
		Version:    eventstore.Version(decodeInt32(v[4])),
		Position:   eventstore.Position(decodeInt64(v[0])),
		Prev:       eventstore.Position(decodeInt64(v[1])),
		RecordedAt: time.UnixMicro(decodeInt64(v[2]) + postgresEpoch).UTC(),
		Partition:  decodeInt32(v[6]),
	}, RawMetadata: v[10]}
	var err error
	if r.Metadata, err = decodeMetadata(v[10]); err != nil {
		return Row{}, fmt.Errorf("metadata of event %d: %w", r.Position, err)
	}
	return r, nil
}

func (d *rowDecoder) typeName(b []byte) string {
	name, known := d.types[string(b)] // does not allocate
	if !known {
		if d.types == nil {
			d.types = make(map[string]string)
		}
		name = string(b)
		d.types[name] = name
	}
	return name
}

func (d *rowDecoder) streamID(b []byte) eventstore.StreamID {
	if string(b) != string(d.stream) {
		d.stream = eventstore.StreamID(b)
	}
	return d.stream
}

func decodeInt64(b []byte) int64 { return int64(binary.BigEndian.Uint64(b)) } //nolint:gosec // two's complement
func decodeInt32(b []byte) int32 { return int32(binary.BigEndian.Uint32(b)) } //nolint:gosec // two's complement
