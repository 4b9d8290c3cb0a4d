package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// Lease is the right of one holder at a time to act alone, for as long as it renews it. A holder that is paused may
// believe in a lease it has lost: what it writes must carry the epoch, which rises with every [Lease.Acquire].
type Lease struct {
	store  *Store
	name   string
	holder string
	ttl    time.Duration
	epoch  atomic.Int64 // 0: not held
}

// Lease returns the lease with this name, not acquired yet. Holder must be unique among those who compete: two with the
// same name take the lease from each other.
func (s *Store) Lease(name, holder string, ttl time.Duration) *Lease {
	return &Lease{store: s, name: name, holder: holder, ttl: ttl}
}

// Acquire waits until the lease is free, expired, or this holder's own, and takes it under a new epoch. It lasts ttl, by
// the clock of the database, unless it is renewed.
func (l *Lease) Acquire(ctx context.Context) (epoch int64, err error) {
	// Looking a few times per ttl finds an expired lease soon, and one that was released at once sooner.
	poll := time.NewTicker(max(l.ttl/10, time.Millisecond))
	defer poll.Stop()
	for {
		err := l.store.pool.QueryRow(ctx, sqlAcquireLease,
			pgx.StrictNamedArgs{"name": l.name, "holder": l.holder, "ttl": l.ttl}).Scan(&epoch)
		if err == nil {
			l.epoch.Store(epoch)
			return epoch, nil
		}
		if !errors.Is(err, pgx.ErrNoRows) {
			return 0, fmt.Errorf("acquire lease %s: %w", l.name, err)
		}
		select {
		case <-ctx.Done():
			return 0, fmt.Errorf("acquire lease %s: %w", l.name, ctx.Err())
		case <-poll.C:
		}
	}
}

// Renew makes the lease last ttl from now. It succeeds after an expiry too, if nobody else was faster. The error is a
// *[LeaseLostError] if somebody was.
func (l *Lease) Renew(ctx context.Context) error {
	epoch := l.epoch.Load()
	tag, err := l.store.pool.Exec(ctx, sqlRenewLease, pgx.StrictNamedArgs{"name": l.name, "epoch": epoch, "ttl": l.ttl})
	switch {
	case err != nil:
		return fmt.Errorf("renew lease %s: %w", l.name, err)
	case tag.RowsAffected() == 0:
		return &LeaseLostError{Name: l.name, Holder: l.holder, Epoch: epoch}
	}
	return nil
}

// Release makes the lease free for others at once. One that is lost, or was never acquired, is left alone.
func (l *Lease) Release(ctx context.Context) error {
	epoch := l.epoch.Swap(0)
	if _, err := l.store.pool.Exec(ctx, sqlReleaseLease, pgx.StrictNamedArgs{"name": l.name, "epoch": epoch}); err != nil {
		return fmt.Errorf("release lease %s: %w", l.name, err)
	}
	return nil
}

// LeaseState is who has a lease, or had it last.
type LeaseState struct {
	Name   string
	Holder string
	Epoch  int64
	Held   bool // it has neither run out nor been released
}

// Leases returns the state of all leases of this log.
func (s *Store) Leases(ctx context.Context) ([]LeaseState, error) {
	rows, _ := s.pool.Query(ctx, sqlReadLeases) // CollectRows has the error
	leases, err := pgx.CollectRows(rows, pgx.RowToStructByPos[LeaseState])
	if err != nil {
		return nil, fmt.Errorf("read leases: %w", err)
	}
	return leases, nil
}
