package postgres

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ordo-platform/ordo/eventstore"
)

var (
	sqlReadRows       = statement("read_rows")
	sqlReadStreamRows = statement("read_stream_rows")
	sqlReadLastRows   = statement("read_last_rows")
	sqlReadRow        = statement("read_row")
	sqlReadRowByID    = statement("read_row_by_id")
	sqlReadRecordedAt = statement("read_recorded_at")
)

// Log reads a log for tools: any part of it, as it is stored. It needs no more than SELECT on the tables and changes
// nothing, not even a log that no [Store] has opened yet.
type Log struct{ reader }

// OpenLog returns the log in the pool's database. It refuses tables of another version.
func OpenLog(ctx context.Context, pool *pgxpool.Pool) (*Log, error) {
	if _, err := readPins(ctx, pool); err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	return &Log{reader{pool}}, nil
}

// Query says which events to read: those after After and up to Until, of one stream or of all (when empty), of some types or
// of all (when empty). Until is needed; [Log.Head] is that of a reader who wants everything.
type Query struct {
	After, Until eventstore.Position
	Stream       eventstore.StreamID
	Types        []string
}

func (q Query) types() []string {
	if len(q.Types) == 0 {
		return nil // NULL
	}
	return q.Types
}

// Pages of [Log.Rows]: short statements, so that a slow reader never keeps VACUUM from its work; few bytes, so that memory
// does not depend on the length of the log. Small ones first: who wants ten events should not wait for ten thousand.
const (
	firstPage = 128
	maxPage   = 1 << 13
	pageBytes = 2 << 20
)

// Rows reads the events of a query in order. It reads one page ahead on a goroutine of its own, which ends with the loop.
func (l *Log) Rows(ctx context.Context, q Query) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		pages, failed := make(chan []Row), make(chan error, 1)
		go func() {
			defer close(pages)
			failed <- l.readPages(ctx, q, func(page []Row) error {
				select {
				case pages <- page:
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			})
		}()
		defer func() {
			cancel()
			for range pages { // until the goroutine has gone
			}
		}()
		for page := range pages {
			for _, row := range page {
				if !yield(row, nil) {
					return
				}
			}
		}
		if err := <-failed; err != nil {
			yield(Row{}, err)
		}
	}
}

// readPages walks along the positions, or along the versions of one stream. The size of a page grows while pages are small.
func (l *Log) readPages(ctx context.Context, q Query, hand func([]Row) error) error {
	sql, size := sqlReadRows, eventstore.Position(firstPage)
	args := pgx.StrictNamedArgs{"after": q.After, "until": q.Until, "types": q.types()}
	if q.Stream != "" {
		sql, args["stream"], args["version"] = sqlReadStreamRows, q.Stream, eventstore.Version(0)
	}
	head, err := l.Head(ctx)
	if err != nil {
		return err
	}
	end := min(q.Until, head) // what is behind is not there, however far it goes
	for after := q.After; after < end; {
		next := min(after+size, end)
		if q.Stream != "" {
			args["limit"] = int64(size)
		} else {
			args["after"], args["until"] = after, next
		}
		rows, bytes, err := l.readRows(ctx, sql, args)
		if err != nil {
			return fmt.Errorf("read log after %d: %w", after, err)
		}
		if err := hand(rows); err != nil {
			return err
		}
		after = next
		if q.Stream != "" {
			if len(rows) < int(size) {
				return nil
			}
			last := rows[len(rows)-1]
			after, args["version"] = last.Position, last.Version
		}
		if bytes < pageBytes {
			size = min(2*size, maxPage)
		} else {
			size = max(size/2, 1)
		}
	}
	return nil
}

func (l *Log) readRows(ctx context.Context, sql string, args pgx.StrictNamedArgs) (page []Row, bytes int, err error) {
	rows, err := l.from.Query(ctx, sql, rowFormats, args)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	var d rowDecoder
	for rows.Next() {
		row, err := d.decode(rows)
		if err != nil {
			return nil, 0, err
		}
		row.RawMetadata = clone(row.RawMetadata)
		page = append(page, row)
		bytes += len(row.Data) + len(row.RawMetadata)
	}
	return page, bytes, rows.Err()
}

// Last reads the newest n events of a query, oldest first.
func (l *Log) Last(ctx context.Context, q Query, n int) ([]Row, error) {
	var stream *eventstore.StreamID // NULL
	if q.Stream != "" {
		stream = &q.Stream
	}
	rows, _, err := l.readRows(ctx, sqlReadLastRows, pgx.StrictNamedArgs{
		"after": q.After, "until": q.Until, "stream": stream, "types": q.types(), "limit": n,
	})
	if err != nil {
		return nil, fmt.Errorf("read the last %d events up to %d: %w", n, q.Until, err)
	}
	slices.Reverse(rows)
	return rows, nil
}

// Row returns the event at a position, if there is one.
func (l *Log) Row(ctx context.Context, position eventstore.Position) (row Row, found bool, err error) {
	return l.readRow(ctx, sqlReadRow, pgx.StrictNamedArgs{"position": position})
}

// RowByID returns the event with an id, if there is one.
func (l *Log) RowByID(ctx context.Context, id uuid.UUID) (row Row, found bool, err error) {
	return l.readRow(ctx, sqlReadRowByID, pgx.StrictNamedArgs{"id": [16]byte(id)})
}

func (l *Log) readRow(ctx context.Context, sql string, args pgx.StrictNamedArgs) (Row, bool, error) {
	rows, _, err := l.readRows(ctx, sql, args)
	if err != nil {
		return Row{}, false, fmt.Errorf("read event: %w", err)
	}
	if len(rows) == 0 {
		return Row{}, false, nil
	}
	return rows[0], true, nil
}

// Since returns the position of the first event recorded at t or later; one behind the head if there is none. Times rise
// with positions (as far as the clock of the server does), so it looks at few rows, and needs no index of times.
func (l *Log) Since(ctx context.Context, t time.Time) (eventstore.Position, error) {
	head, err := l.Head(ctx)
	if err != nil {
		return 0, err
	}
	low, high := eventstore.Position(1), head+1
	for low < high {
		middle := low + (high-low)/2
		var at time.Time
		if err := l.from.QueryRow(ctx, sqlReadRecordedAt, pgx.StrictNamedArgs{"position": middle}).Scan(&at); err != nil {
			return 0, fmt.Errorf("read time of event %d: %w", middle, err)
		}
		if at.Before(t) {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low, nil
}
