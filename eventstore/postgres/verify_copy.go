package postgres

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// copyRow is a row of COPY … (FORMAT binary), to be read column by column. Its bytes are only valid within the call that
// it is handed to.
type copyRow struct{ rest []byte }

// bytes returns the next column; nil for NULL.
func (r *copyRow) bytes() []byte {
	n := int(int32(binary.BigEndian.Uint32(r.rest))) //nolint:gosec // the format has a signed length
	r.rest = r.rest[4:]
	if n < 0 {
		return nil
	}
	column := r.rest[:n:n]
	r.rest = r.rest[n:]
	return column
}

// number reads a bigint, an integer, or a timestamptz as microseconds since 2000. NULL, which none of ours may be, is 0.
func (r *copyRow) number() int64 {
	switch b := r.bytes(); len(b) {
	case 8:
		return int64(binary.BigEndian.Uint64(b)) //nolint:gosec // two's complement
	case 4:
		return int64(int32(binary.BigEndian.Uint32(b))) //nolint:gosec // two's complement
	}
	return 0
}

// copyReader takes COPY data in pieces of any size apart into rows. Almost always a piece is a row: only what is left over
// is copied.
type copyReader struct {
	columns int
	row     func(copyRow)
	begun   bool
	ended   bool
	partial []byte
}

var copySignature = []byte("PGCOPY\n\xff\r\n\x00")

// copyHeader is the length of the signature, the flags and the (empty) extension.
const copyHeader = 11 + 4 + 4

var errCopyFormat = errors.New("answer of COPY is not in the expected format")

func (r *copyReader) Write(p []byte) (int, error) {
	size := len(p)
	if len(r.partial) > 0 {
		r.partial = append(r.partial, p...)
		p = r.partial
	}
	rest, err := r.rows(p)
	if err != nil {
		return 0, err
	}
	r.partial = append(r.partial[:0], rest...) // may overlap: rest is the end of p
	return size, nil
}

// rows hands over all complete rows and returns what is left.
func (r *copyReader) rows(p []byte) ([]byte, error) {
	if !r.begun {
		if len(p) < copyHeader {
			return p, nil
		}
		if !bytes.HasPrefix(p, copySignature) || binary.BigEndian.Uint32(p[copyHeader-4:]) != 0 {
			return nil, errCopyFormat
		}
		p, r.begun = p[copyHeader:], true
	}
	for len(p) >= 2 && !r.ended {
		columns := int(int16(binary.BigEndian.Uint16(p))) //nolint:gosec // the format has a signed count
		if columns == -1 {
			r.ended = true
			return p[2:], nil
		}
		if columns != r.columns {
			return nil, errCopyFormat
		}
		length, complete := rowLength(p[2:], columns)
		if !complete {
			break
		}
		r.row(copyRow{p[2 : 2+length]})
		p = p[2+length:]
	}
	return p, nil
}

// rowLength returns the length of the columns at the start of p, if they are all there.
func rowLength(p []byte, columns int) (length int, complete bool) {
	for range columns {
		if len(p) < length+4 {
			return 0, false
		}
		n := int(int32(binary.BigEndian.Uint32(p[length:]))) //nolint:gosec // the format has a signed length
		length += 4 + max(n, 0)
	}
	return length, len(p) >= length
}

// copyRows hands each row of a COPY … TO STDOUT (FORMAT binary) to row.
func copyRows(ctx context.Context, conn *pgx.Conn, sql string, columns int, row func(copyRow)) error {
	r := copyReader{columns: columns, row: row}
	if _, err := conn.PgConn().CopyTo(ctx, &r, sql); err != nil {
		return err
	}
	if !r.ended || len(r.partial) > 0 {
		return fmt.Errorf("%w: it ends early", errCopyFormat)
	}
	return nil
}
