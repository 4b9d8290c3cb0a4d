package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ordo-platform/ordo/eventstore"
)

// schemaVersion is that of log_head.schema_version.
const schemaVersion = 2

// Store is the event log of one service in one database. It is safe for concurrent use, also by several processes.
type Store struct {
	reader // reads through the pool

	pool    *pgxpool.Pool
	config  Config
	queue   queue
	writer  writer
	commits subscribers
	health  health
}

var (
	_ eventstore.Appender = (*Store)(nil)
	_ eventstore.Reader   = (*Store)(nil)
)

// Open returns the store in the pool's database, whose tables [Migrations] has made. It refuses a server that is too old,
// cannot be written to or may lose commits, tables of another version, and a partition count other than the one the log was written with.
//
// Open starts nothing: appends wait until [Store.Run] runs. The pool stays the caller's, who closes it after Run has
// returned.
func Open(ctx context.Context, pool *pgxpool.Pool, cfg Config) (*Store, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	if err := CheckServer(ctx, pool, cfg.UnsafeDurability); err != nil {
		return nil, fmt.Errorf("open event store: %w", err)
	}
	if err := checkEncoding(ctx, pool); err != nil {
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

func unknownSchema(found int) error {
	return fmt.Errorf("tables have schema version %d, this program knows %d: run its migrations, or a newer program",
		found, schemaVersion)
}

func pinPartitions(ctx context.Context, pool *pgxpool.Pool, partitions int) error {
	pinned, err := readPins(ctx, pool)
	if err != nil {
		return err
	}
	if pinned == 0 {
		if _, err := pool.Exec(ctx, sqlPinPartitions, pgx.StrictNamedArgs{"partitions": partitions}); err != nil {
			return fmt.Errorf("pin partitions: %w", err)
		}
		if pinned, err = readPins(ctx, pool); err != nil { // another process may have been first
			return err
		}
	}
	if pinned != partitions {
		return fmt.Errorf("log was written with %d partitions, not %d: another count needs a new topic and a new log",
			pinned, partitions)
	}
	return nil
}

// readPins returns the pinned number of partitions, 0 while there is none, of tables that this program knows.
func readPins(ctx context.Context, q querier) (partitions int, err error) {
	var schema int
	if err := q.QueryRow(ctx, sqlReadPins).Scan(&schema, &partitions); err != nil {
		if isUndefinedTable(err) {
			return 0, errors.New("tables are missing: run the migrations first")
		}
		return 0, fmt.Errorf("read log_head: %w", err)
	}
	if schema != schemaVersion {
		return 0, unknownSchema(schema)
	}
	return partitions, nil
}
