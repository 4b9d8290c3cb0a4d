package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ordo-platform/ordo/eventstore"
)

const (
	minServerVersion = 150000
	schemaVersion    = 2 // of log_head.schema_version
)

// Store is the event log of one service in one database. It is safe for concurrent use, also by several processes.
type Store struct {
	reader // reads through the pool

	pool    *pgxpool.Pool
	config  Config
	queue   queue
	writer  writer
	commits subscribers
}

var (
	_ eventstore.Appender = (*Store)(nil)
	_ eventstore.Reader   = (*Store)(nil)
)

// Open returns the store in the pool's database, whose tables [Migrations] has made. It refuses a server that is too old
// or may lose commits, tables of another version, and a partition count other than the one the log was written with.
//
// Open starts nothing: appends wait until [Store.Run] runs. The pool stays the caller's, who closes it after Run has
// returned.
func Open(ctx context.Context, pool *pgxpool.Pool, cfg Config) (*Store, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	if err := checkServer(ctx, pool, cfg); err != nil {
		return nil, fmt.Errorf("open event store: %w", err)
	}
	if err := pinPartitions(ctx, pool, cfg.Partitions); err != nil {
		return nil, fmt.Errorf("open event store: %w", err)
	}
	s := &Store{reader: reader{pool}, pool: pool, config: cfg}
	s.queue.init(cfg)
	s.writer.init(s)
	return s, nil
}

// querier is what a pool, a connection and a transaction have in common.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// checkServer refuses a server on which a commit that was acknowledged may be lost. Seen on PostgreSQL 15.18: with
// synchronous_commit off, a plain kill -9 of the server loses acknowledged rows, no power cut needed.
func checkServer(ctx context.Context, q querier, cfg Config) error {
	var version int
	var encoding, fsync, fullPageWrites, synchronousCommit string
	err := q.QueryRow(ctx, sqlReadServer).Scan(&version, &encoding, &fsync, &fullPageWrites, &synchronousCommit)
	switch {
	case err != nil:
		return fmt.Errorf("read server settings: %w", err)
	case version < minServerVersion:
		return fmt.Errorf("server version %d.%d is too old: need %d", version/10000, version%10000, minServerVersion/10000)
	case encoding != "UTF8":
		return fmt.Errorf("database encoding is %s: need UTF8", encoding)
	case cfg.UnsafeDurability:
		return nil
	case fsync == "off":
		return errors.New("server may lose commits: fsync is off (allow with UnsafeDurability)")
	case fullPageWrites == "off":
		return errors.New("server may lose commits: full_page_writes is off (allow with UnsafeDurability)")
	case synchronousCommit == "off":
		return errors.New("server may lose commits: synchronous_commit is off (allow with UnsafeDurability)")
	}
	return nil
}

func pinPartitions(ctx context.Context, pool *pgxpool.Pool, partitions int) error {
	var schema, pinned int
	read := func() error { return pool.QueryRow(ctx, sqlReadPins).Scan(&schema, &pinned) }
	if err := read(); err != nil {
		if isUndefinedTable(err) {
			return errors.New("tables are missing: run the migrations first")
		}
		return fmt.Errorf("read log_head: %w", err)
	}
	if schema != schemaVersion {
		return fmt.Errorf("tables have schema version %d, this program knows %d: run its migrations, or a newer program",
			schema, schemaVersion)
	}
	if pinned == 0 {
		if _, err := pool.Exec(ctx, sqlPinPartitions, pgx.StrictNamedArgs{"partitions": partitions}); err != nil {
			return fmt.Errorf("pin partitions: %w", err)
		}
		if err := read(); err != nil { // another process may have been first
			return fmt.Errorf("read log_head: %w", err)
		}
	}
	if pinned != partitions {
		return fmt.Errorf("log was written with %d partitions, not %d: another count needs a new topic and a new log",
			pinned, partitions)
	}
	return nil
}
