package consumer

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"github.com/ordo-platform/ordo/internal/kafka"
)

const (
	// Pause between leaving the group and joining again.
	minPause = 50 * time.Millisecond
	maxPause = 2 * time.Second

	leaveTimeout = 3 * time.Second
)

// Consumer applies the events of some topics. Several with the same name share the partitions.
type Consumer struct {
	cfg     Config
	member  string        // this one of its group, in the table of members
	letters chan struct{} // there may be dead letters to publish
	status  status
}

// New returns a consumer that does nothing until Run.
func New(c Config) (*Consumer, error) {
	c, err := c.validate()
	if err != nil {
		return nil, err
	}
	return &Consumer{
		cfg: c, member: memberName(), letters: make(chan struct{}, 1),
		status: status{quiet: 2*c.BatchTimeout + leaveTimeout},
	}, nil
}

// Name is the consumer group and the key of the checkpoints.
func (c *Consumer) Name() string { return c.cfg.Name }

// Status says how the consumer is doing. It may be called at any time.
func (c *Consumer) Status() Status { return c.status.snapshot() }

// Run applies events until ctx ends, and then returns nil once the batches in hand are done and the group is left. Errors of
// brokers and database are retried for ever and seen in [Consumer.Status].
func (c *Consumer) Run(ctx context.Context) error {
	var g errgroup.Group
	g.Go(func() error { return c.apply(ctx) })
	g.Go(func() error { return c.publishLetters(ctx) })
	g.Go(func() error { return c.watch(ctx) })
	return g.Wait()
}

// apply joins the group again and again.
func (c *Consumer) apply(ctx context.Context) error {
	pause := minPause
	for {
		before := c.status.commits()
		err := c.session(ctx)
		if ctx.Err() != nil {
			c.status.left(nil)
			return nil //nolint:nilerr // told to stop, and did
		}
		c.status.left(err)
		if c.status.commits() > before {
			pause = minPause
		}
		c.cfg.Logger.WarnContext(ctx, "consumer joins its group again", "error", err, "pause", pause)
		select {
		case <-ctx.Done():
		case <-time.After(pause/2 + rand.N(pause)): //nolint:gosec // jitter
		}
		pause = min(2*pause, maxPause)
	}
}

// session is one membership in the group. All it knows about partitions ends with it.
type session struct {
	consumer *Consumer
	client   *kgo.Client
	ready    chan struct{} // closed once client is set
	commits  *offsetCommits
	apart    time.Time // until then each partition is a transaction of its own

	mu         sync.Mutex
	partitions map[topicPartition]*partition // assigned to this member
}

type topicPartition struct {
	topic     string
	partition int32
}

// session joins the group and works until something says to start afresh, or ctx ends.
func (c *Consumer) session(ctx context.Context) (err error) {
	s := &session{consumer: c, ready: make(chan struct{}), partitions: map[topicPartition]*partition{}}
	config := kafka.Config{Brokers: c.cfg.Brokers, Options: c.cfg.Options, Logger: c.cfg.Logger}
	s.client, err = config.NewGroupConsumer(c.cfg.Name, c.cfg.Topics,
		kgo.AdjustFetchOffsetsFn(s.assign),
		kgo.OnPartitionsAssigned(func(context.Context, *kgo.Client, map[string][]int32) { c.status.joined() }),
		kgo.OnPartitionsRevoked(s.revoke),
		kgo.OnPartitionsLost(s.revoke),
	)
	if err != nil {
		return err
	}
	s.commits = newOffsetCommits(c.cfg.Name, s.client)
	close(s.ready)
	defer s.leave(ctx)

	gctx, stopCommits := context.WithCancel(ctx)
	var g errgroup.Group
	g.Go(func() error { return s.commits.run(gctx) })
	err = s.work(ctx)
	stopCommits()
	return errors.Join(err, g.Wait())
}

// leave gives the partitions to others. The batches in hand are done.
func (s *session) leave(ctx context.Context) {
	s.client.AllowRebalance()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTimeout)
	defer cancel()
	_ = s.client.LeaveGroupContext(ctx) // without it, the group notices by our silence
	s.client.Close()
}

// work polls and applies, round by round. No partition moves to another member during a round.
func (s *session) work(ctx context.Context) error {
	// Told to stop, the round in hand may go on for a while.
	hand, cancel := outlive(ctx, s.consumer.cfg.StopTimeout)
	defer cancel()
	before, rested := 0, false // events in the round before, and whether there was a rest after it
	for {
		s.consumer.status.turned()
		fetches := s.poll(ctx)
		if rested {
			fetches = s.pollMore(ctx, fetches)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		began := time.Now()
		err := s.check(ctx, fetches)
		if err == nil {
			err = s.round(hand, fetches)
		}
		s.client.AllowRebalance()
		if err != nil {
			return err
		}
		events := fetches.NumRecords()
		rest := s.consumer.cfg.rest(before, events, time.Since(began))
		select {
		case <-ctx.Done():
		case <-time.After(rest):
		}
		before, rested = events, rest > 0
	}
}

// turnEvery is how long the loop waits for records before it shows that it lives.
const turnEvery = time.Second

// poll waits for records, or until there is something else to do.
func (s *session) poll(ctx context.Context) kgo.Fetches {
	until := time.Now().Add(turnEvery)
	if due, waits := s.nextDue(); waits && due.Before(until) {
		until = due
	}
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	return s.client.PollRecords(ctx, s.consumer.cfg.MaxPoll)
}

// moreWait is how long a second poll waits for the answer of a broker that has records.
const moreWait = 10 * time.Millisecond

// pollMore adds to a poll what has come since. The client fetches ahead: what a poll returns was fetched right after the poll
// before it, and so is as old as the round and the rest since.
func (s *session) pollMore(ctx context.Context, fetches kgo.Fetches) kgo.Fetches {
	room := s.consumer.cfg.MaxPoll - fetches.NumRecords()
	if room <= 0 {
		return fetches
	}
	ctx, cancel := context.WithTimeout(ctx, moreWait)
	defer cancel()
	return append(fetches, s.client.PollRecords(ctx, room)...)
}

// check returns an error if a fetch failed in a way that the client does not heal by itself. Most of all: the topic was made
// anew, or the offset is gone. To join again is to look where we are.
func (s *session) check(ctx context.Context, fetches kgo.Fetches) error {
	for _, e := range fetches.Errors() {
		if errors.Is(e.Err, context.DeadlineExceeded) || errors.Is(e.Err, context.Canceled) {
			continue // of our own poll
		}
		if lost, ok := errors.AsType[*kgo.ErrDataLoss](e.Err); ok {
			// The client went back to where the partition is whole. The position tells what was applied before.
			s.consumer.cfg.Logger.ErrorContext(ctx, "the brokers have lost records", "error", lost)
			continue
		}
		if group, ok := errors.AsType[*kgo.ErrGroupSession](e.Err); ok {
			s.consumer.status.left(group) // until the client has joined again
			continue
		}
		return fmt.Errorf("fetch %s/%d: %w", e.Topic, e.Partition, e.Err)
	}
	return nil
}

// round applies what was fetched and what is due again: in one transaction where all is well, and what is left partition by
// partition, several at a time.
func (s *session) round(ctx context.Context, fetches kgo.Fetches) error {
	due, err := s.take(fetches)
	if err != nil {
		return err
	}
	if due, err = s.together(ctx, due); err != nil {
		return err
	}
	var g errgroup.Group // one that fails does not cancel the others
	g.SetLimit(s.consumer.cfg.Parallel)
	for _, p := range due {
		g.Go(func() error { return s.process(ctx, p) })
	}
	return g.Wait()
}

// take returns the partitions with work to do.
func (s *session) take(fetches kgo.Fetches) (due []*partition, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, fetched := time.Now(), map[*partition]bool{}
	for _, p := range s.partitions {
		if at, waits := p.due(); waits && !at.After(now) {
			due = append(due, p)
		}
	}
	fetches.EachTopic(func(t kgo.FetchTopic) {
		t.EachPartition(func(f kgo.FetchPartition) {
			p := s.partitions[topicPartition{t.Topic, f.Partition}]
			switch {
			case len(f.Records) == 0:
			case fetched[p]: // by a second poll
				p.rest = slices.Concat(p.rest, f.Records)
			case p == nil || p.busy() || p.stopped: // these are paused, or not ours
				err = fmt.Errorf("records of %s/%d came unasked", t.Topic, f.Partition)
			case t.TopicID != [16]byte{} && uuid.UUID(t.TopicID) != p.saved.TopicID:
				err = fmt.Errorf("%s: %w", t.Topic, errOtherTopic)
			default:
				p.rest, fetched[p] = f.Records, true
				if !slices.Contains(due, p) {
					due = append(due, p)
				}
			}
		})
	})
	return due, err
}

// nextDue is when a partition wants to go on without new records.
func (s *session) nextDue() (due time.Time, waits bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.partitions {
		if at, wants := p.due(); wants && (!waits || at.Before(due)) {
			due, waits = at, true
		}
	}
	return due, waits
}

func (s *session) add(p *partition) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.partitions[topicPartition{p.topic, p.number}] = p
	s.consumer.status.assigned(p)
}

// revoke forgets partitions. It never runs during a round.
func (s *session) revoke(_ context.Context, _ *kgo.Client, revoked map[string][]int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for topic, numbers := range revoked {
		for _, number := range numbers {
			delete(s.partitions, topicPartition{topic, number})
			s.commits.drop(topic, number)
			s.consumer.status.revoked(topic, number)
		}
	}
}

// outlive returns a context that ends a limit after ctx does.
func outlive(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(limit)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel()
		case <-work.Done():
		}
	})
	return work, func() {
		stop()
		cancel()
	}
}
