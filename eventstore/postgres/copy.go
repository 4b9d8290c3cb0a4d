package postgres

import (
	"bytes"
	"context"
	"encoding/binary"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ordo-platform/ordo/eventstore"
)

const (
	copyEvents = `COPY events (position, prev, recorded_at, event_id, version, schema_version, partition, stream, type, data, metadata)
FROM STDIN (FORMAT binary)`
	copyLinks = `COPY log_commits (first, last, recorded_at, link) FROM STDIN (FORMAT binary)`

	// rowOverhead is what a row takes besides its texts, and a little for short ones.
	rowOverhead = 256
)

// copyBuffer holds rows in the binary format of COPY. pgx's CopyFrom would look for an encoding for each value.
type copyBuffer struct{ b []byte }

func newCopyBuffer(size int) *copyBuffer {
	b := append(make([]byte, 0, size), "PGCOPY\n\xff\r\n\x00"...)
	return &copyBuffer{append(b, 0, 0, 0, 0, 0, 0, 0, 0)} // no flags, no more header
}

func (c *copyBuffer) event(r *Row, position, prev eventstore.Position, at time.Time, partition int32) {
	c.columns(11)
	c.int64(int64(position))
	c.int64(int64(prev))
	c.time(at)
	appendBytes(c, r.ID[:])
	c.int32(int32(r.Version))       //nolint:gosec // checked by checkRow
	c.int32(int32(r.SchemaVersion)) //nolint:gosec // checked by checkRow
	c.int32(partition)
	appendBytes(c, r.Stream)
	appendBytes(c, r.Type)
	appendBytes(c, r.Data)
	appendBytes(c, r.RawMetadata)
}

func (c *copyBuffer) link(first, last eventstore.Position, at time.Time, link eventstore.Hash) {
	c.columns(4)
	c.int64(int64(first))
	c.int64(int64(last))
	c.time(at)
	appendBytes(c, link[:])
}

func (c *copyBuffer) columns(n uint16) { c.b = binary.BigEndian.AppendUint16(c.b, n) }

func (c *copyBuffer) int64(n int64) {
	c.b = binary.BigEndian.AppendUint32(c.b, 8)
	c.b = binary.BigEndian.AppendUint64(c.b, uint64(n)) //nolint:gosec // two's complement
}

func (c *copyBuffer) int32(n int32) {
	c.b = binary.BigEndian.AppendUint32(c.b, 4)
	c.b = binary.BigEndian.AppendUint32(c.b, uint32(n)) //nolint:gosec // two's complement
}

func (c *copyBuffer) time(t time.Time) { c.int64(t.UnixMicro() - postgresEpoch) }

func appendBytes[T ~string | ~[]byte](c *copyBuffer, v T) {
	c.b = binary.BigEndian.AppendUint32(c.b, uint32(len(v))) //nolint:gosec // bounded by the limits of an event
	c.b = append(c.b, v...)
}

// send runs the COPY. The buffer is used up.
func (c *copyBuffer) send(ctx context.Context, tx pgx.Tx, sql string) error {
	c.columns(0xffff) // the end
	_, err := tx.Conn().PgConn().CopyFrom(ctx, bytes.NewReader(c.b), sql)
	return err
}
