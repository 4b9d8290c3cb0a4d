package consumer

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/failpoint"
)

// maxParkedInARow is how many keys in a row are parked after retries. If one event after the other fails, it is not their
// fault: the partition waits instead, and goes on as soon as one succeeds.
const maxParkedInARow = 10

// partition is one that is assigned to this member. Between polls one goroutine at a time touches it.
type partition struct {
	topic  string
	number int32
	saved  checkpoint                     // as it is in the database
	parked map[string]eventstore.Position // keys whose events wait, as in the database

	rest []*kgo.Record      // of a poll, not done with
	junk map[int64]*failure // those of them that were found to be no events of ours, by offset

	held     *batch // made of rest, not applied yet
	size     int    // how many items of held the next attempt takes, 0 for all
	attempts int    // failed ones in a row
	failing  time.Time
	retryAt  time.Time
	inARow   int  // keys parked after retries since an event was applied
	paused   bool // the client fetches nothing
	stopped  bool

	lookAt time.Time // when to look for wishes about parked keys
}

func (p *partition) busy() bool { return p.held != nil || len(p.rest) > 0 }

// due says when to work on a partition again without new records.
func (p *partition) due() (at time.Time, ok bool) {
	switch {
	case p.stopped:
		return time.Time{}, false
	case p.busy():
		return p.retryAt, true
	default:
		return p.lookAt, len(p.parked) > 0
	}
}

// process works on a partition until nothing is left of the last poll, or until something has to wait. The error is a reason
// to leave the group.
func (s *session) process(ctx context.Context, p *partition) error {
	if err := s.fulfil(ctx, p); err != nil {
		return fmt.Errorf("%s/%d: %w", p.topic, p.number, err)
	}
	for until := time.Now().Add(s.consumer.cfg.BatchTimeout); p.busy() && !p.stopped; {
		if time.Now().After(until) { // others may want to join the group
			s.pause(p)
			return nil
		}
		err := s.step(ctx, p)
		switch {
		case errors.Is(err, errZombie), errors.Is(err, errUnknown):
			return fmt.Errorf("%s/%d: %w", p.topic, p.number, err)
		case err != nil:
			s.hold(ctx, p, err)
			return nil
		}
	}
	if p.paused && !p.stopped {
		s.client.ResumeFetchPartitions(map[string][]int32{p.topic: {p.number}})
		p.paused = false
	}
	return nil
}

// step makes the next batch or applies a part of it.
func (s *session) step(ctx context.Context, p *partition) error {
	if p.held == nil {
		return s.prepare(ctx, p)
	}
	now, later := p.held.cut(p.size)
	err := s.applySoon(ctx, p, now)
	switch {
	case errors.Is(err, errZombie), errors.Is(err, errUnknown):
		return err
	case err != nil:
		return s.failed(ctx, p, now, err)
	}
	p.rest = now.records[now.end.taken:]
	p.held, p.size = later, 0
	if later != nil && p.attempts > 0 {
		p.size = max(1, len(later.items)/2)
	}
	p.attempts, p.failing, p.retryAt = 0, noTime, noTime
	if len(p.rest) == 0 {
		clear(p.junk)
	}
	return nil
}

// prepare makes a batch of the records that are left. Where a hole is, it comes from the log of the service.
func (s *session) prepare(ctx context.Context, p *partition) error {
	b, hole := p.sift(&s.consumer.cfg)
	p.size = 0
	if hole == nil || b.end.taken > 0 {
		p.held = b
		return nil
	}
	if s.consumer.cfg.Sources[p.topic] == nil {
		s.stop(ctx, p, hole)
		return nil
	}
	if foreign, err := s.isForeign(ctx, p, hole.event); err != nil {
		return err
	} else if foreign {
		s.disown(p, hole.event, hole.Offset, ClassForeign, nil)
		return nil
	}
	b, found, err := s.refill(ctx, p, hole)
	switch {
	case err != nil:
		return err
	case !found:
		s.stop(ctx, p, hole)
	default:
		p.held = b
	}
	return nil
}

// disown has a record parked as none of ours: it does not move the position, so what the log has in its place still comes.
func (s *session) disown(p *partition, e eventstore.Recorded, offset int64, class string, cause error) {
	if cause == nil {
		cause = &ForeignError{Topic: p.topic, Partition: p.number, Offset: offset, Position: e.Position}
	}
	p.junk[offset] = s.consumer.cfg.newFailure(class, cause, e.Type, p.attempts+1, p.failing)
	p.held = nil // it is made anew
}

// failed decides what becomes of a batch that could not be applied. What is wrong may be one event's fault, or the batch's
// size: those before it need not wait for it.
func (s *session) failed(ctx context.Context, p *partition, b *batch, cause error) error {
	verdict := s.consumer.cfg.judge(cause)
	if ctx.Err() != nil || verdict.Action == Pause {
		p.size = max(1, len(b.items)/2)
		return cause
	}
	if len(b.items) > 1 {
		p.size = len(b.items) / 2
		p.attempts = max(p.attempts, 1) // go on in small steps after the one that fails
		return nil
	}
	if len(b.items) == 0 || b.items[0].cause != nil { // nothing of it was handled, so it is the database
		return cause
	}
	it := &b.items[0]
	switch {
	case verdict.Action == Stop && failpoint.Is(failpoint.SkipUnknown):
		it.passed = true
		return nil
	case verdict.Action == Stop:
		s.stop(ctx, p, cause)
		return nil
	case verdict.Action == Park:
	case p.attempts+1 < s.consumer.cfg.MaxAttempts, p.inARow >= maxParkedInARow:
		return cause
	case verdict.Action == Doubt && !s.consumer.status.appliedSince(p.failing):
		return cause
	default:
		p.inARow++
	}
	foreign, err := s.isForeign(ctx, p, it.event)
	if err != nil {
		return err
	}
	if foreign && it.offset >= 0 {
		s.disown(p, it.event, it.offset, verdict.Class, cause)
		return nil
	}
	it.cause = s.consumer.cfg.newFailure(verdict.Class, cause, it.event.Type, p.attempts+1, p.failing)
	p.size = 1
	return nil
}

// hold pauses a partition until its batch is due again.
func (s *session) hold(ctx context.Context, p *partition, cause error) {
	cfg := &s.consumer.cfg
	s.pause(p)
	backoff := cfg.MaxBackoff
	if shift := p.attempts; shift < 30 {
		backoff = min(cfg.MaxBackoff, cfg.MinBackoff<<shift)
	}
	p.attempts++
	if p.failing.IsZero() {
		p.failing = time.Now()
	}
	p.retryAt = time.Now().Add(backoff/2 + rand.N(backoff/2+1)) //nolint:gosec // jitter
	s.consumer.status.failed(p, cause)
	if ctx.Err() == nil {
		cfg.Logger.WarnContext(ctx, "batch failed", "topic", p.topic, "partition", p.number, "after", p.saved.Position,
			"attempt", p.attempts, "error", cause)
	}
}

func (s *session) pause(p *partition) {
	if !p.paused {
		s.client.PauseFetchPartitions(map[string][]int32{p.topic: {p.number}})
		p.paused = true
	}
}

// stop ends the work on a partition until it is assigned anew.
func (s *session) stop(ctx context.Context, p *partition, cause error) {
	p.stopped = true
	s.pause(p)
	s.consumer.status.stop(p, cause)
	s.consumer.cfg.Logger.ErrorContext(ctx, "partition stopped", "topic", p.topic, "partition", p.number, "after", p.saved.Position, "error", cause)
}
