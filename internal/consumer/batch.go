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
	"github.com/ordo-platform/ordo/internal/failpoint"
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
	size     int    // how many events of held the next attempt takes, 0 for all
	attempts int    // of held
	retryAt  time.Time
	stopped  bool
}

// batch is what to do with the records of one poll: events to apply, then the checkpoint to move to, then, if there is a
// reason, the end.
type batch struct {
	events  []eventstore.Recorded
	after   []checkpoint // where to move when only the events up to this one are applied
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
		if len(b.after) < len(b.events) {
			b.after = append(b.after, b.next)
		}
	}
	return b
}

// cut returns the part of a batch to apply now and, unless that is all, what is left for later.
func (b *batch) cut(n int) (now, later *batch) {
	if n <= 0 || n >= len(b.events) {
		return b, nil
	}
	now = &batch{events: b.events[:n], after: b.after[:n], skipped: b.skipped, next: b.after[n-1]}
	return now, &batch{events: b.events[n:], after: b.after[n:], next: b.next, stop: b.stop}
}

// process applies the batch a partition holds. The error is a reason to leave the group; a batch that failed is kept, for
// later.
func (s *session) process(ctx context.Context, p *partition) error {
	b, later := p.held.cut(p.size)
	err := s.applySoon(ctx, p, b)
	switch {
	case err == nil:
	case errors.Is(err, errZombie), errors.Is(err, errUnknown):
		return fmt.Errorf("%s/%d: %w", p.topic, p.number, err)
	default:
		// What is wrong may be one event's fault, or the batch's size. Those before it need not wait for it.
		p.size = max(1, len(b.events)/2)
		s.hold(ctx, p, err)
		return nil
	}
	s.consumer.status.applied(p, b)
	s.commits.add(p.topic, p.number, p.saved)
	if later != nil { // go on at once, the partition is still paused
		p.held, p.size = later, max(1, len(later.events)/2)
		return nil
	}
	if p.attempts > 0 && b.stop == nil {
		s.client.ResumeFetchPartitions(map[string][]int32{p.topic: {p.number}})
	}
	p.held, p.size, p.attempts = nil, 0, 0
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
	if _, conflict := errors.AsType[*eventstore.ConflictError](err); conflict {
		return true
	}
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (pg.Code == "40001" || pg.Code == "40P01") // serialization_failure, deadlock_detected
}

// apply moves the checkpoint and applies the events of a batch in one transaction.
func (s *session) apply(ctx context.Context, p *partition, b *batch) error {
	cfg := &s.consumer.cfg
	b.next.Version = p.saved.Version // parts of the batch may have been applied
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
	if err := failpoint.Hit(failpoint.ConsumerBeforeApply, cfg.Name); err != nil {
		return err
	}
	// The checkpoint comes first: a zombie finds out before it has done any work.
	if err := moveCheckpoint(ctx, tx, cfg.Name, p.topic, p.number, p.saved, b.next); err != nil {
		return err
	}
	if len(b.events) > 0 {
		if err := handle(ctx, cfg.Handler, tx, b.events); err != nil {
			return err
		}
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
