package postgres_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/ordo-platform/ordo/eventstore/postgres"
)

func TestLeaseTakeover(t *testing.T) {
	t.Parallel()
	store, pool := setup(t)
	ctx := t.Context()
	old := store.Lease("relay", "old", hour)
	successor := store.Lease("relay", "new", hour)
	acquire := func(l *postgres.Lease, want int64) {
		t.Helper()
		if epoch, err := l.Acquire(ctx); err != nil || epoch != want {
			t.Fatalf("epoch %d, %v, want %d", epoch, err, want)
		}
	}
	wantLost := func(l *postgres.Lease) {
		t.Helper()
		if _, ok := errors.AsType[*postgres.LeaseLostError](l.Renew(ctx)); !ok {
			t.Error("renewed a lease that is lost")
		}
	}
	wantLost(old) // never acquired
	acquire(old, 1)
	acquire(old, 2) // its own: a new epoch all the same
	if err := old.Renew(ctx); err != nil {
		t.Error(err)
	}
	waiting, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := successor.Acquire(waiting); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want canceled", err)
	}

	expire := func() {
		t.Helper()
		if _, err := pool.Exec(ctx, `UPDATE leases SET expires_at = now()`); err != nil {
			t.Fatal(err)
		}
	}
	expire()
	if err := old.Renew(ctx); err != nil {
		t.Errorf("expired, but nobody else has it: %v", err)
	}
	expire()
	acquire(successor, 3)
	wantLost(old)
	if err := old.Release(ctx); err != nil {
		t.Error(err)
	}
	if err := successor.Renew(ctx); err != nil {
		t.Errorf("after the old holder released what it had lost: %v", err)
	}

	// Other leases are not concerned.
	if epoch, err := store.Lease("timer", "old", hour).Acquire(ctx); err != nil || epoch != 1 {
		t.Errorf("epoch %d, %v", epoch, err)
	}
}

func TestReleaseLetsTheNextOneIn(t *testing.T) {
	t.Parallel()
	store, _ := setup(t)
	holder := store.Lease("relay", "a", hour)
	if _, err := holder.Acquire(t.Context()); err != nil {
		t.Fatal(err)
	}
	next := make(chan int64)
	go func() {
		epoch, err := store.Lease("relay", "b", time.Second).Acquire(t.Context())
		if err != nil {
			t.Error(err)
		}
		next <- epoch
	}()
	if err := holder.Release(t.Context()); err != nil {
		t.Error(err)
	}
	if epoch := <-next; epoch != 2 {
		t.Errorf("epoch %d, want 2", epoch)
	}
}
