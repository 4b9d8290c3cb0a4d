package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/ordo-platform/ordo/eventstore"
)

// ReaderTx returns a reader that sees the log as tx sees it, also what tx itself has appended.
func (s *Store) ReaderTx(tx pgx.Tx) eventstore.Reader { return reader{tx} }

// maxExpected bounds what is set aside for events before any is there: a limit may be far more than the log has.
const maxExpected = 16

// reader reads through a pool or a transaction.
type reader struct{ from querier }

func (r reader) ReadStream(ctx context.Context, stream eventstore.StreamID, after eventstore.Version, limit int) ([]eventstore.Recorded, error) {
	atMost := &limit
	if limit == 0 {
		atMost = nil // LIMIT NULL is no limit
	}
	events, err := r.read(ctx, sqlReadStream, pgx.StrictNamedArgs{"stream": stream, "after": after, "limit": atMost}, limit)
	if err != nil {
		return nil, fmt.Errorf("read stream %s: %w", stream, err)
	}
	return events, nil
}

func (r reader) ReadLog(ctx context.Context, after eventstore.Position, limit int) ([]eventstore.Recorded, error) {
	events, err := r.read(ctx, sqlReadLog, pgx.StrictNamedArgs{"after": after, "limit": limit}, limit)
	if err != nil {
		return nil, fmt.Errorf("read log after %d: %w", after, err)
	}
	return events, nil
}

func (r reader) Head(ctx context.Context) (eventstore.Position, error) {
	head, _, err := r.Tails(ctx)
	return head, err
}

// Tails returns the position of the last event of the log, and of the last event of each partition, 0 for none, as they
// were at one moment.
func (r reader) Tails(ctx context.Context) (head eventstore.Position, tails []eventstore.Position, err error) {
	if err := r.from.QueryRow(ctx, sqlReadHead).Scan(&head, &tails); err != nil {
		return 0, nil, fmt.Errorf("read head of the log: %w", err)
	}
	return head, tails, nil
}

// Receipt returns what was stored under an idempotency key, if the key is used.
func (r reader) Receipt(ctx context.Context, scope, key string) (eventstore.Receipt, bool, error) {
	rows, _ := r.from.Query(ctx, sqlReadReceipt, pgx.StrictNamedArgs{"scope": scope, "key": key}) // CollectOneRow has the error
	receipt, err := pgx.CollectOneRow(rows, scanReceipt)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return eventstore.Receipt{}, false, nil
	case err != nil:
		return eventstore.Receipt{}, false, fmt.Errorf("read receipt %q: %w", key, err)
	}
	return receipt, true, nil
}

func scanReceipt(row pgx.CollectableRow) (eventstore.Receipt, error) {
	var r eventstore.Receipt
	err := row.Scan(&r.Scope, &r.Key, &r.Fingerprint, &r.Response, &r.Position, &r.At)
	r.At = r.At.UTC()
	return r, err
}

// read collects the events of a statement. expect is about how many there will be.
func (r reader) read(ctx context.Context, sql string, args pgx.StrictNamedArgs, expect int) ([]eventstore.Recorded, error) {
	rows, err := r.from.Query(ctx, sql, rowFormats, args)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var d rowDecoder
	events := make([]eventstore.Recorded, 0, min(expect, maxExpected))
	for rows.Next() {
		row, err := d.decode(rows)
		if err != nil {
			return nil, err
		}
		events = append(events, row.Recorded)
	}
	return events, rows.Err()
}
