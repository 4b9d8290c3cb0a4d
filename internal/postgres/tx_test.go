package postgres_test

import (
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ordo-platform/ordo/internal/postgres"
	"github.com/ordo-platform/ordo/internal/testenv"
)

func TestTx(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	pool, err := postgres.Open(ctx, testenv.Postgres(t), 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	if _, err := pool.Exec(ctx, "CREATE TABLE kept (n int PRIMARY KEY)"); err != nil {
		t.Fatal(err)
	}
	const keep = "INSERT INTO kept VALUES ($1)"
	queue := func(n ...int) func(*pgx.Batch) {
		return func(b *pgx.Batch) {
			for _, n := range n {
				b.Queue(keep, n)
			}
		}
	}
	errStop := errors.New("stop")
	nothing := func(pgx.Tx) error { return nil }
	for _, c := range []struct {
		name    string
		first   func(*pgx.Batch)
		work    func(pgx.Tx) error
		last    func(*pgx.Batch)
		want    int // rows kept
		refused bool
	}{
		{"nothing", queue(), nothing, queue(), 0, false},
		{"first, between and last", queue(1), func(tx pgx.Tx) error { _, err := tx.Exec(ctx, keep, 2); return err }, queue(3), 3, false},
		{"first only", queue(1), nothing, queue(), 1, false},
		{"last only", queue(), nothing, queue(1), 1, false},
		{"first refused by the server", queue(1, 1), nothing, queue(2), 0, true},
		{"first refused by us", func(b *pgx.Batch) {
			b.Queue(keep, 1).Exec(func(pgconn.CommandTag) error { return errStop })
		}, nothing, queue(2), 0, true},
		{"work fails", queue(1), func(pgx.Tx) error { return errStop }, queue(2), 0, true},
		{"last refused", queue(1), nothing, queue(2, 2), 0, true},
		{"an error is passed over", queue(1), func(tx pgx.Tx) error { _, _ = tx.Exec(ctx, "no statement"); return nil }, queue(), 0, true},
		{"an error is passed over, and there is more", queue(1), func(tx pgx.Tx) error { _, _ = tx.Exec(ctx, "no statement"); return nil }, queue(2), 0, true},
	} {
		err := transact(ctx, pool, c.first, c.work, c.last)
		if (err != nil) != c.refused {
			t.Errorf("%s: error %v", c.name, err)
		}
		if n := pool.Stat().AcquiredConns(); n != 0 {
			t.Errorf("%s: %d connections are kept", c.name, n)
		}
		var kept int
		if err := pool.QueryRow(ctx, "SELECT count(*) FROM kept").Scan(&kept); err != nil || kept != c.want {
			t.Errorf("%s: %d rows kept, want %d; %v", c.name, kept, c.want, err)
		}
		if _, err := pool.Exec(ctx, "TRUNCATE kept"); err != nil {
			t.Fatal(err)
		}
	}
}

func transact(ctx context.Context, pool *pgxpool.Pool, first func(*pgx.Batch), work func(pgx.Tx) error, last func(*pgx.Batch)) error {
	tx, err := postgres.Begin(ctx, pool, first)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(ctx) }()
	if err := work(tx); err != nil {
		return err
	}
	b := &pgx.Batch{}
	last(b)
	if err := postgres.AtCommit(ctx, tx, b); err != nil {
		return err
	}
	return tx.Commit(ctx)
}
