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
		{"the connection is lost between", queue(1), func(tx pgx.Tx) error { return tx.Conn().Close(ctx) }, queue(2), 0, true},
		{"last refused", queue(1), nothing, queue(2, 2), 0, true},
		{"an error is passed over", queue(1), func(tx pgx.Tx) error { _, _ = tx.Exec(ctx, "no statement"); return nil }, queue(), 0, true},
		{"an error is passed over, and there is more", queue(1), func(tx pgx.Tx) error { _, _ = tx.Exec(ctx, "no statement"); return nil }, queue(2), 0, true},
	} {
		err := transact(ctx, pool, c.first, c.work, c.last)
		if (err != nil) != c.refused {
			t.Errorf("%s: error %v", c.name, err)
		}
		var kept int // waits for ever if the pool's one connection was not given back
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

// The session is ended while its COMMIT waits for the disk: what the commit says is what happened.
func TestTerminatedWhileCommitting(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	pool, err := postgres.Open(ctx, testenv.DurablePostgres(t).URL(), 2)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	if _, err := pool.Exec(ctx, "CREATE TABLE kept (n int PRIMARY KEY)"); err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		var backend int
		tx, err := postgres.Begin(ctx, pool, func(b *pgx.Batch) {
			b.Queue("SET LOCAL commit_delay = 100000") // in µs, for which it sleeps if another transaction is open
			b.Queue("SET LOCAL commit_siblings = 0")
			b.Queue("SELECT pg_backend_pid()").QueryRow(func(row pgx.Row) error { return row.Scan(&backend) })
		})
		if err != nil {
			t.Fatal(err)
		}
		b := &pgx.Batch{}
		b.Queue("INSERT INTO kept VALUES ($1)", n)
		if err := postgres.AtCommit(ctx, tx, b); err != nil {
			t.Fatal(err)
		}
		committed := make(chan error, 1)
		go func() { committed <- tx.Commit(ctx) }()
		for inCommit := false; !inCommit; {
			err := pool.QueryRow(ctx, "SELECT query = 'COMMIT' FROM pg_stat_activity WHERE pid = $1", backend).Scan(&inCommit)
			if err != nil {
				t.Fatal(err)
			}
		}
		if _, err := pool.Exec(ctx, "SELECT pg_terminate_backend($1)", backend); err != nil {
			t.Fatal(err)
		}
		err = <-committed
		_ = tx.Rollback(ctx)
		var kept bool
		if e := pool.QueryRow(ctx, "SELECT EXISTS (SELECT FROM kept WHERE n = $1)", n).Scan(&kept); e != nil || kept != (err == nil) {
			t.Errorf("kept %t, the commit said %v; %v", kept, err, e)
		}
	}
}
