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
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/kafka"
)

const (
	// A conflict is over as soon as the other is done, so the first retries come at once.
	quickRetries   = 8
	quickRetryWait = 2 * time.Millisecond // grows with each, with jitter

	rollbackTimeout = 2 * time.Second
)

// partition is one that is assigned to this member. Between polls one goroutine at a time touches it.
type partition struct {
	topic  string
	number int32
	saved  checkpoint // as it is in the database

	held     *batch // not applied yet
	attempts int    // of held
	retryAt  time.Time
	stopped  bool
}

// batch is what to do with the records of one poll: events to apply, then the checkpoint to move to, then, if there is a
// reason, the end.
type batch struct {
	events  []eventstore.Recorded
	skipped int
	next    checkpoint
	stop    error // why what comes next cannot be applied
}

// sift takes from records what is new. It stops at the first that cannot be applied.
func (p *partition) sift(records []*kgo.Record) *batch {
	b := &batch{next: p.saved}
	for _, r := range records {
		_, e, err := kafka.Parse(r)
		switch {
		case err != nil:
			b.stop = err
			return b
		case e.Position <= b.next.Position:
			b.skipped++
		case e.Prev != b.next.Position:
			b.stop = &HoleError{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Last: b.next.Position, Prev: e.Prev, Position: e.Position}
			return b
		default:
			b.events = append(b.events, e)
			b.next.Position = e.Position
		}
		b.next.NextOffset, b.next.LeaderEpoch = r.Offset+1, r.LeaderEpoch
	}
	return b
}

// process applies the batch a partition holds. The error is a reason to leave the group; a batch that failed is kept, for
// later.
func (s *session) process(ctx context.Context, p *partition) error {
	b := p.held
	err := s.applySoon(ctx, p)
	switch {
	case err == nil:
	case errors.Is(err, errZombie), errors.Is(err, errUnknown):
		return fmt.Errorf("%s/%d: %w", p.topic, p.number, err)
	default:
		s.hold(ctx, p, err)
		return nil
	}
	s.consumer.status.applied(p, b)
	s.commits.add(p.topic, p.number, p.saved)
	if p.attempts > 0 && b.stop == nil {
		s.client.ResumeFetchPartitions(map[string][]int32{p.topic: {p.number}})
	}
	p.held, p.attempts = nil, 0
	if b.stop != nil {
		s.stop(ctx, p, b.stop)
	}
	return nil
}

// hold pauses a partition until its batch is due again.
func (s *session) hold(ctx context.Context, p *partition, cause error) {
	cfg := &s.consumer.cfg
	s.client.PauseFetchPartitions(map[string][]int32{p.topic: {p.number}})
	backoff := cfg.MaxBackoff
	if shift := p.attempts; shift < 30 {
		backoff = min(cfg.MaxBackoff, cfg.MinBackoff<<shift)
	}
	p.attempts++
	p.retryAt = time.Now().Add(backoff/2 + rand.N(backoff/2+1)) //nolint:gosec // jitter
	s.consumer.status.failed(p, cause)
	if ctx.Err() == nil {
		cfg.Logger.WarnContext(ctx, "batch failed", "topic", p.topic, "partition", p.number, "after", p.saved.Position,
			"attempt", p.attempts, "error", cause)
	}
}

// stop ends the work on a partition until it is assigned anew. Here is the place to fill a hole from the store instead.
func (s *session) stop(ctx context.Context, p *partition, cause error) {
	p.stopped = true
	s.client.PauseFetchPartitions(map[string][]int32{p.topic: {p.number}})
	s.consumer.status.stop(p, cause)
	s.consumer.cfg.Logger.ErrorContext(ctx, "partition stopped", "topic", p.topic, "partition", p.number, "after", p.saved.Position, "error", cause)
}

// applySoon applies a batch, and again at once if it met someone else's transaction.
func (s *session) applySoon(ctx context.Context, p *partition) error {
	for i := 1; ; i++ {
		err := s.apply(ctx, p)
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
	if _, conflict := errors.AsType[*eventstore.ConflictError](err); conflict {
		return true
	}
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (pg.Code == "40001" || pg.Code == "40P01") // serialization_failure, deadlock_detected
}

// apply moves the checkpoint and applies the events of a batch in one transaction.
func (s *session) apply(ctx context.Context, p *partition) error {
	b, cfg := p.held, &s.consumer.cfg
	if b.next == p.saved {
		return nil // nothing but the reason to stop
	}
	tx, err := cfg.Pool.Begin(ctx)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
		defer cancel()
		_ = tx.Rollback(ctx) // does nothing after a commit; if it fails, the connection is dropped
	}()
	// The checkpoint comes first: a zombie finds out before it has done any work.
	if err := moveCheckpoint(ctx, tx, cfg.Name, p.topic, p.number, p.saved, b.next); err != nil {
		return err
	}
	if len(b.events) > 0 {
		if err := handle(ctx, cfg.Handler, tx, b.events); err != nil {
			return err
		}
	}
	if err := commit(ctx, tx); err != nil {
		return err
	}
	p.saved = b.next
	p.saved.Version++
	if len(b.events) > 0 {
		cfg.OnCommit()
	}
	return nil
}

// handle turns a panic of the handler into an error: one bad event must not end the process, and all its other work.
func handle(ctx context.Context, h Handler, tx pgx.Tx, events []eventstore.Recorded) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("handler panicked: %v\n%s", r, debug.Stack())
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
