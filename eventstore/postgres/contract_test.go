package postgres_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
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
	var commits []eventstore.Commit
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) (err error) {
		commits, err = s.AppendTx(ctx, tx, a)
		return err
	})
	if err != nil {
		return eventstore.Commit{}, err
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
