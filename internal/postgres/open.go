package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	connectTimeout = 5 * time.Second

	// maxIdleInTransaction ends a transaction that its owner has forgotten. Such a transaction may hold the head of the
	// log, and it keeps VACUUM from removing what every append leaves behind.
	maxIdleInTransaction = 30 * time.Second
)

// Open returns a pool of at most maxConns connections to the database at url, after one of them has answered. Session
// parameters in url win over the defaults set here.
func Open(ctx context.Context, url string, maxConns int) (*pgxpool.Pool, error) {
	return open(ctx, url, maxConns, nil)
}

// OpenForLookups is Open for a pool whose statements find rows by key. Their plans are kept, and those that were made while a
// table was nearly empty would scan it, however large it gets, until it is analyzed for the first time, which can be minutes away.
func OpenForLookups(ctx context.Context, url string, maxConns int) (*pgxpool.Pool, error) {
	return open(ctx, url, maxConns, map[string]string{
		"enable_seqscan": "off",
		"jit":            "off", // the cost of a scan that cannot be helped would make Postgres compile it
	})
}

func open(ctx context.Context, url string, maxConns int, session map[string]string) (*pgxpool.Pool, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("database url: %w", err) // pgx leaves the password out
	}
	configure(cfg, maxConns)
	for parameter, value := range session {
		setDefault(cfg, parameter, value)
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", cfg.ConnConfig.Database, err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("open database %s: %w", cfg.ConnConfig.Database, err)
	}
	return pool, nil
}

// configure sets every option that differs from the default of pgx.
func configure(cfg *pgxpool.Config, maxConns int) {
	cfg.MaxConns = int32(maxConns) //nolint:gosec // a number of connections
	// Connections of all replicas would otherwise end, and be opened again, at the same moment.
	cfg.MaxConnLifetimeJitter = cfg.MaxConnLifetime / 10
	if cfg.ConnConfig.ConnectTimeout == 0 || cfg.ConnConfig.ConnectTimeout > connectTimeout {
		cfg.ConnConfig.ConnectTimeout = connectTimeout // pgx waits two minutes
	}
	setDefault(cfg, "application_name", "ordo")
	setDefault(cfg, "timezone", "UTC")
	setDefault(cfg, "idle_in_transaction_session_timeout", fmt.Sprint(maxIdleInTransaction.Milliseconds()))
}

func setDefault(cfg *pgxpool.Config, parameter, value string) {
	if _, set := cfg.ConnConfig.RuntimeParams[parameter]; !set {
		cfg.ConnConfig.RuntimeParams[parameter] = value
	}
}
