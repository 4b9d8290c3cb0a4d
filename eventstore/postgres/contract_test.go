package postgres_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/eventstore/eventstoretest"
	"github.com/ordo-platform/ordo/eventstore/postgres"
)

func TestContractOfAppend(t *testing.T) {
	t.Parallel()
	eventstoretest.Run(t, func(t *testing.T) eventstoretest.Store {
		store, _ := setup(t)
		return store
	})
}

func TestContractOfAppendTx(t *testing.T) {
	t.Parallel()
	eventstoretest.Run(t, func(t *testing.T) eventstoretest.Store {
		store, pool := setup(t)
		return txStore{store, pool}
	})
}

// Two processes share a log: every promise holds whichever of them a caller asks.
func TestContractOfTwoStores(t *testing.T) {
	t.Parallel()
	eventstoretest.Run(t, func(t *testing.T) eventstoretest.Store {
		store, pool := setup(t)
		other := open(t, pool, postgres.Config{UnsafeDurability: true})
		return &alternating{Store: store, ways: []eventstore.Appender{store, other, txStore{other, pool}}}
	})
}

// txStore appends in transactions of its own.
type txStore struct {
	*postgres.Store
	pool *pgxpool.Pool
}

func (s txStore) Append(ctx context.Context, a eventstore.Append) (eventstore.Commit, error) {
	tx, err := s.pool.Begin(ctx)
	if err != nil {
		return eventstore.Commit{}, err
	}
	defer func() { _ = tx.Rollback(context.Background()) }()
	commits, err := s.AppendTx(ctx, tx, a)
	if err != nil {
		return eventstore.Commit{}, err
	}
	if err := tx.Commit(ctx); err != nil {
		return eventstore.Commit{}, fmt.Errorf("%w: %w", eventstore.ErrOutcomeUnknown, err)
	}
	return commits[0], nil
}

// alternating appends one way after the other.
type alternating struct {
	*postgres.Store
	ways []eventstore.Appender
	next atomic.Int64
}

func (s *alternating) Append(ctx context.Context, a eventstore.Append) (eventstore.Commit, error) {
	return s.ways[s.next.Add(1)%int64(len(s.ways))].Append(ctx, a)
}

// Random appends and reads, with connections that break around the COMMIT. Of those the store makes up its mind by itself; a
// caller with a transaction of its own has to ask again.
func TestContractWhenConnectionsBreak(t *testing.T) {
	t.Parallel()
	for name, way := range map[string]func(*postgres.Store, *pgxpool.Pool) eventstoretest.Store{
		"Append":   func(store *postgres.Store, _ *pgxpool.Pool) eventstoretest.Store { return store },
		"AppendTx": func(store *postgres.Store, pool *pgxpool.Pool) eventstoretest.Store { return txStore{store, pool} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool, faults := faultyPool(t)
			store := open(t, pool, postgres.Config{UnsafeDurability: true})
			eventstoretest.RunMachine(t, way(store, pool), func(loss eventstoretest.Loss) {
				faults.arm(map[eventstoretest.Loss]int32{
					eventstoretest.LoseRequest: loseRequest, eventstoretest.LoseReply: loseReply,
				}[loss])
			})
			for _, fault := range []int32{loseRequest, loseReply} {
				if n := faults.happened[fault].Load(); n < 10 {
					t.Errorf("void: fault %d happened %d times", fault, n)
				}
			}
		})
	}
}
