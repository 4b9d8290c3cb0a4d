package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/eventstore/eventstoretest"
	"github.com/ordo-platform/ordo/eventstore/postgres"
	db "github.com/ordo-platform/ordo/internal/postgres"
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

func TestContractOfStageTx(t *testing.T) {
	t.Parallel()
	eventstoretest.Run(t, func(t *testing.T) eventstoretest.Store {
		store, pool := setup(t)
		return stagingStore{store, pool}
	})
}

// Two processes share a log: every promise holds whichever of them a caller asks.
func TestContractOfTwoStores(t *testing.T) {
	t.Parallel()
	eventstoretest.Run(t, func(t *testing.T) eventstoretest.Store {
		store, pool := setup(t)
		other := open(t, pool, postgres.Config{UnsafeDurability: true})
		return &alternating{Store: store, ways: []eventstore.Appender{store, other, txStore{other, pool}, stagingStore{store, pool}}}
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

// stagingStore appends with the commit of transactions of its own, and does so again if another was faster.
type stagingStore struct {
	*postgres.Store
	pool *pgxpool.Pool
}

func (s stagingStore) Append(ctx context.Context, a eventstore.Append) (eventstore.Commit, error) {
	for {
		err := s.append(ctx, a)
		if err == nil {
			return s.find(ctx, a)
		}
		_, known := errors.AsType[*eventstore.ConflictError](err)
		if known || !errors.Is(err, eventstore.ErrConflict) {
			return eventstore.Commit{}, err
		}
	}
}

func (s stagingStore) append(ctx context.Context, a eventstore.Append) error {
	tx, err := db.Begin(ctx, s.pool, func(*pgx.Batch) {})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(context.Background()) }()
	stage, err := s.StageTx(ctx, tx, a)
	if err != nil {
		return err
	}
	if err := db.AtCommit(ctx, tx, stage); err != nil {
		return err
	}
	err = tx.Commit(ctx)
	if _, answered := errors.AsType[*pgconn.PgError](err); err != nil && !answered {
		return fmt.Errorf("%w: %w", eventstore.ErrOutcomeUnknown, err)
	}
	return err
}

// find looks up what an append has become: who stages is not told.
func (s stagingStore) find(ctx context.Context, a eventstore.Append) (c eventstore.Commit, err error) {
	for _, part := range a.Streams {
		events, err := s.ReadStream(ctx, part.Stream, 0, 0)
		if err != nil {
			return c, err
		}
		first := slices.IndexFunc(events, func(e eventstore.Recorded) bool { return e.ID == part.Events[0].ID })
		last := events[first+len(part.Events)-1]
		if c.First == 0 {
			c.First = events[first].Position
		}
		c.Last, c.RecordedAt = last.Position, last.RecordedAt
		c.Versions = append(c.Versions, last.Version)
	}
	return c, nil
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
		"StageTx":  func(store *postgres.Store, pool *pgxpool.Pool) eventstoretest.Store { return stagingStore{store, pool} },
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
