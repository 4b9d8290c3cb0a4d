package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Tx is a transaction that saves round trips: its first statements go out with BEGIN, and those that are put off with COMMIT.
type Tx struct {
	pgx.Tx
	conn *pgxpool.Conn
	last pgx.Batch
	over bool
}

// Begin begins a transaction with the statements that first queues. The caller must end it by [Tx.Rollback], also after a commit.
func Begin(ctx context.Context, pool *pgxpool.Pool, first func(*pgx.Batch)) (*Tx, error) {
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	b := &pgx.Batch{}
	b.BeginTx(pgx.TxOptions{})
	first(b)
	results := conn.SendBatch(ctx, b)
	tx := &Tx{Tx: results.Tx(), conn: conn}
	if err := results.Close(); err != nil {
		_ = tx.Rollback(ctx)
		return nil, err
	}
	return tx, nil
}

// AtCommit puts statements off until tx is committed; if they fail, so does the commit. A transaction of another kind has them sent now.
func AtCommit(ctx context.Context, tx pgx.Tx, b *pgx.Batch) error {
	if t, ok := tx.(*Tx); ok {
		t.last.QueuedQueries = append(t.last.QueuedQueries, b.QueuedQueries...)
		return nil
	}
	return tx.SendBatch(ctx, b).Close()
}

// Commit commits the transaction with what was put off until now. When it returns an error that is no answer of the server, it is
// unknown whether it was committed.
func (t *Tx) Commit(ctx context.Context) error {
	if t.last.Len() == 0 {
		return t.Tx.Commit(ctx)
	}
	committed := false
	t.last.Queue("COMMIT").Exec(func(tag pgconn.CommandTag) error {
		if tag.String() == "ROLLBACK" {
			return pgx.ErrTxCommitRollback
		}
		committed = true
		return nil
	})
	err := t.SendBatch(ctx, &t.last).Close()
	if committed {
		return nil // what the server says after its answer to COMMIT is that it ends the connection
	}
	return err
}

// Rollback rolls back what is not committed, and gives the connection back; if that fails, the connection is closed.
func (t *Tx) Rollback(ctx context.Context) error {
	if t.over {
		return nil
	}
	t.over = true
	defer t.conn.Release()
	if t.Conn().PgConn().TxStatus() == 'I' {
		return nil
	}
	return t.Tx.Rollback(ctx)
}
