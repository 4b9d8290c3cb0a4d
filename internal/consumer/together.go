package consumer

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ordo-platform/ordo/eventstore"
)

const (
	// quickFailure is how long a transaction of several partitions may take to fail and leave time, before the next poll, to go
	// through them one by one.
	quickFailure = time.Second

	// apart is for how long it is not tried again after one that took longer: it may have been too much for one transaction.
	apart = time.Minute
)

// together applies what has come in several partitions in one transaction: most of what a transaction costs, it costs but once.
// It returns the partitions it leaves to others, which have something about them: a batch that failed before, dead letters, a
// hole, a record that is no event. If it fails itself, for a reason that may be one event's, all are left: partition by partition
// it will be found whose.
func (s *session) together(ctx context.Context, due []*partition) (left []*partition, err error) {
	if time.Now().Before(s.apart) {
		return due, nil
	}
	batches, left := s.plain(due)
	if len(batches) < 2 {
		return due, nil
	}
	moves := make([]move, 0, len(batches))
	count := 0
	for _, b := range batches {
		count += len(b.items)
	}
	events := make([]eventstore.Recorded, 0, count)
	for _, p := range due {
		b := batches[p]
		if b == nil {
			continue
		}
		for _, it := range b.items {
			events = append(events, it.event)
		}
		moves = append(moves, p.to(b, counts{applied: len(b.items), skipped: b.end.skipped - b.base.skipped}))
	}
	began := time.Now()
	err = s.transact(ctx, moves, func(ctx context.Context, tx pgx.Tx) error {
		if len(events) == 0 {
			return nil
		}
		return handle(ctx, s.consumer.cfg.Handler, tx, events)
	})
	slow := time.Since(began) > quickFailure
	if err != nil && slow {
		s.apart = time.Now().Add(apart)
	}
	switch {
	case errors.Is(err, errUnknown):
		return nil, err
	case err != nil && (slow || !isContention(err) && s.consumer.cfg.judge(err).Action == Pause):
		for p, b := range batches {
			p.held = b
			s.hold(ctx, p, err)
		}
		return left, nil
	case err != nil:
		return due, nil //nolint:nilerr // it will be found again, and whose it is
	}
	for _, m := range moves {
		if m.n.applied > 0 {
			m.p.inARow = 0
		}
		m.p.rest = nil
		s.consumer.status.applied(m.p, m.n, false)
		s.commits.add(m.p.topic, m.p.number, m.p.saved)
	}
	return left, nil
}

// plain makes batches of partitions about which there is nothing special, as many as one transaction takes. It sorts due: that
// is the order in which checkpoints are locked, here and by whoever locks all of them.
func (s *session) plain(due []*partition) (batches map[*partition]*batch, left []*partition) {
	slices.SortFunc(due, func(a, b *partition) int {
		return cmp.Or(cmp.Compare(a.topic, b.topic), cmp.Compare(a.number, b.number))
	})
	batches = map[*partition]*batch{}
	bytes := 0
	for _, p := range due {
		b := s.plainBatch(p)
		if b != nil {
			for _, it := range b.items {
				bytes += len(it.event.Data)
			}
		}
		if b == nil || bytes > maxBatchBytes {
			left = append(left, p)
			continue
		}
		batches[p] = b
	}
	return batches, left
}

func (s *session) plainBatch(p *partition) *batch {
	if p.held != nil || p.attempts > 0 || len(p.parked) > 0 || len(p.junk) > 0 || p.stopped || p.paused || len(p.rest) == 0 {
		return nil
	}
	b, hole := p.sift(&s.consumer.cfg)
	if hole != nil || slices.ContainsFunc(b.items, func(it item) bool { return it.cause != nil }) {
		return nil
	}
	return b
}
