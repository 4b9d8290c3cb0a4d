package replay

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

var (
	//go:embed sql/acquire_lease.sql
	acquireLeaseSQL string
	//go:embed sql/renew_lease.sql
	renewLeaseSQL string
	//go:embed sql/guard.sql
	guardSQL string
)

// lease is the right to replay a read model, held until released or not renewed in time.
type lease struct {
	pool  *pgxpool.Pool
	model string
	ttl   time.Duration
	epoch int64
}

// acquire takes the lease, or fails with a *[HeldError]. To resume is to follow one that may have been killed a moment ago: it
// is waited for.
func acquire(ctx context.Context, c Config, wait bool) (*lease, error) {
	l := &lease{pool: c.Pool, model: c.Model.Name, ttl: c.Lease}
	patience := time.NewTimer(c.Lease + c.Lease/2)
	defer patience.Stop()
	for {
		err := c.Pool.QueryRow(ctx, acquireLeaseSQL, pgx.StrictNamedArgs{
			"model": l.model, "holder": c.Holder, "ttl": c.Lease,
		}).Scan(&l.epoch)
		if err == nil {
			return l, nil
		}
		if !errors.Is(err, pgx.ErrNoRows) {
			return nil, fmt.Errorf("acquire the lease on %s: %w", l.model, err)
		}
		held := &HeldError{Model: l.model}
		err = c.Pool.QueryRow(ctx, "SELECT holder, expires_at FROM replay_leases WHERE model = $1", l.model).Scan(&held.Holder, &held.Until)
		if err != nil {
			return nil, fmt.Errorf("read the lease on %s: %w", l.model, err)
		}
		if !wait {
			return nil, held
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-patience.C:
			return nil, held
		case <-time.After(c.Lease / 20):
		}
	}
}

// keep renews the lease until ctx ends; it ends the work when that fails.
func (l *lease) keep(ctx context.Context, lost context.CancelCauseFunc) {
	ticker := time.NewTicker(l.ttl / 3)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		tag, err := l.pool.Exec(ctx, renewLeaseSQL, pgx.StrictNamedArgs{"model": l.model, "epoch": l.epoch, "ttl": l.ttl})
		if err == nil && tag.RowsAffected() == 0 {
			lost(&LostError{l.model})
			return
		}
		// Any other error is that of the database, which the work meets as well. The guard in each transaction decides.
	}
}

// release frees the lease at once.
func (l *lease) release(ctx context.Context) {
	_, _ = l.pool.Exec(ctx, renewLeaseSQL, pgx.StrictNamedArgs{"model": l.model, "epoch": l.epoch, "ttl": -time.Second}) // else it runs out
}

// guard keeps tx from being committed by a replay that is no longer the one.
func (l *lease) guard(ctx context.Context, tx pgx.Tx) error {
	var held bool
	if err := tx.QueryRow(ctx, guardSQL, pgx.StrictNamedArgs{"model": l.model, "epoch": l.epoch}).Scan(&held); err != nil {
		return fmt.Errorf("check the lease on %s: %w", l.model, err)
	}
	if !held {
		return &LostError{l.model}
	}
	return nil
}

// guarded runs f in a transaction of a replay.
func (l *lease) guarded(ctx context.Context, f func(pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, l.pool, func(tx pgx.Tx) error {
		if err := l.guard(ctx, tx); err != nil {
			return err
		}
		return f(tx)
	})
}
