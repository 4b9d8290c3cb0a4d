package consumer

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/failpoint"
	"github.com/ordo-platform/ordo/internal/postgres"
)

const (
	// A conflict is over as soon as the other is done, so the first retries come at once.
	quickRetries   = 8
	quickRetryWait = 2 * time.Millisecond // grows with each, with jitter

	rollbackTimeout = 2 * time.Second
)

// applySoon applies a batch, and again at once if it met someone else's transaction.
func (s *session) applySoon(ctx context.Context, p *partition, b *batch) error {
	for i := 1; ; i++ {
		err := s.apply(ctx, p, b)
		if err == nil || i > quickRetries || !isContention(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(rand.N(time.Duration(i) * quickRetryWait)): //nolint:gosec // jitter
		}
	}
}

func isContention(err error) bool {
	if errors.Is(err, eventstore.ErrConflict) {
		return true
	}
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (pg.Code == "40001" || pg.Code == "40P01") // serialization_failure, deadlock_detected
}

// apply moves the checkpoint, applies events and sets aside dead letters in one transaction.
func (s *session) apply(ctx context.Context, p *partition, b *batch) error {
	if len(b.items) == 0 && b.end == b.base {
		return nil
	}
	live, letters := p.sort(b.items)
	n := counts{applied: len(live), skipped: b.end.skipped - b.base.skipped, parked: len(letters)}
	err := s.transact(ctx, []move{p.to(b, n)}, func(ctx context.Context, tx pgx.Tx) error {
		if len(live) > 0 {
			if err := handle(ctx, s.consumer.cfg.Handler, tx, live); err != nil {
				return err
			}
		}
		if err := park(ctx, tx, s.consumer.cfg.Name, p, letters); err != nil {
			return err
		}
		if len(letters) > 0 {
			if err := failpoint.Hit(failpoint.ConsumerAfterPark, s.consumer.cfg.Name); err != nil {
				return err
			}
		}
		if b.refilled {
			return recordGap(ctx, tx, s.consumer.cfg.Name, p, b)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, l := range letters {
		if l.opens() {
			p.parked[l.key()] = l.event.Position
		}
	}
	if n.applied > 0 {
		p.inARow = 0
	}
	s.consumer.status.applied(p, n, b.refilled)
	s.commits.add(p.topic, p.number, p.saved)
	s.reportLetters(ctx, p, letters)
	return nil
}

// move is of one partition's checkpoint, when a batch is applied.
type move struct {
	p  *partition
	to checkpoint
	n  counts
}

// to is the move that belongs to a batch.
func (p *partition) to(b *batch, n counts) move {
	to := p.saved
	to.Position, to.NextOffset, to.LeaderEpoch = b.end.position, b.end.offset, b.end.epoch
	return move{p, to, n}
}

// transact does work in a transaction that moves checkpoints. It fails with errZombie if another member has moved one of them,
// and with errUnknown if it is not known whether the work was committed.
func (s *session) transact(ctx context.Context, moves []move, work func(context.Context, pgx.Tx) error) error {
	cfg := &s.consumer.cfg
	ctx, cancel := context.WithTimeout(ctx, cfg.BatchTimeout)
	defer cancel()
	if err := failpoint.Hit(failpoint.ConsumerBeforeApply, cfg.Name); err != nil {
		return err
	}
	// The checkpoints come first: a zombie finds out before it has done any work.
	tx, err := postgres.Begin(ctx, cfg.Pool, func(b *pgx.Batch) { moveCheckpoints(b, cfg.Name, moves) })
	if err != nil {
		return fmt.Errorf("move checkpoints: %w", err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
		defer cancel()
		_ = tx.Rollback(ctx) // does nothing after a commit; if it fails, the connection is dropped
	}()
	var afterwards []func()
	if err := work(collecting(ctx, &afterwards), tx); err != nil {
		return err
	}
	if err := failpoint.Hit(failpoint.ConsumerAfterApply, cfg.Name); err != nil {
		return err
	}
	if err := commit(ctx, tx); err != nil {
		return err
	}
	if err := failpoint.Hit(failpoint.ConsumerAfterCommit, cfg.Name); err != nil {
		return fmt.Errorf("%w: %w", errUnknown, err)
	}
	for _, m := range moves {
		m.p.saved = m.to
		m.p.saved.Version++
	}
	for _, call := range afterwards {
		call()
	}
	return nil
}

// handle turns a panic of the handler into an error: one bad event must not end the process, and all its other work.
func handle(ctx context.Context, h Handler, tx pgx.Tx, events []eventstore.Recorded) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &PanicError{Value: r, Stack: debug.Stack()}
		}
	}()
	return h.Handle(ctx, tx, events)
}

// commit fails with errUnknown unless the database said that nothing was committed.
func commit(ctx context.Context, tx pgx.Tx) error {
	err := tx.Commit(ctx)
	if err == nil {
		return nil
	}
	if _, answered := errors.AsType[*pgconn.PgError](err); answered || errors.Is(err, pgx.ErrTxCommitRollback) {
		return fmt.Errorf("commit: %w", err)
	}
	return fmt.Errorf("%w: %w", errUnknown, err)
}
