package consumer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/kafka"
)

// DefaultWaiterPoll is how often a wait looks at the database.
const DefaultWaiterPoll = 20 * time.Millisecond

// WaiterConfig is what a waiter needs. Zero means the default where there is one.
type WaiterConfig struct {
	Services []string // whose events are waited for
	Pool     *pgxpool.Pool
	Brokers  []string
	Options  []kgo.Opt // TLS, SASL, dialer

	// Poll is how often a wait looks at the database. Commits in this process are noticed at once, see [Waiter.Wake].
	Poll time.Duration

	Logger *slog.Logger // nil discards
}

// Waiter tells when a consumer has applied everything up to a position of a service's log, so that who wrote can read it.
//
// A consumer's checkpoints say how far it is in each partition, which says nothing about a position: most events are in
// other partitions. What connects the two are the relay's checkpoints, which name a position and the tail of every
// partition at it. The waiter follows them.
type Waiter struct {
	cfg WaiterConfig

	mu          sync.Mutex
	checkpoints map[string]kafka.Checkpoint // newest by service; a key for each service
	progress    map[progressKey]*progress
	changed     chan struct{} // closed, and replaced, when there is news
}

// NewWaiter returns a waiter that knows nothing until Run.
func NewWaiter(c WaiterConfig) (*Waiter, error) {
	switch {
	case c.Pool == nil:
		return nil, errors.New("waiter: no database")
	case len(c.Brokers) == 0:
		return nil, errors.New("waiter: no brokers")
	case len(c.Services) == 0:
		return nil, errors.New("waiter: no services")
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	setDefault(&c.Poll, DefaultWaiterPoll)
	w := &Waiter{cfg: c, checkpoints: map[string]kafka.Checkpoint{}, progress: map[progressKey]*progress{}, changed: make(chan struct{})}
	for _, service := range c.Services {
		w.checkpoints[service] = kafka.Checkpoint{}
	}
	return w, nil
}

// Wake says that a consumer of this process has committed. It does not block; it is made for [AfterCommit].
func (w *Waiter) Wake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wake()
}

func (w *Waiter) wake() {
	close(w.changed)
	w.changed = make(chan struct{})
}

// WaitFor returns nil once a consumer has applied every event of a service up to a position, ctx's error if that ends
// first. A position that the log does not have yet is waited for as well.
func (w *Waiter) WaitFor(ctx context.Context, consumer, service string, position eventstore.Position) error {
	if position <= 0 {
		return nil
	}
	tails, err := w.tailsAt(ctx, service, position)
	if err != nil {
		return err
	}
	p := w.progressOf(consumer, kafka.EventsTopic(service))
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		news := w.news() // before looking, so that nothing is missed
		reached, err := p.reached(ctx, w.cfg.Pool, tails, time.Now())
		if err != nil || reached {
			return err
		}
		timer.Reset(w.cfg.Poll)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-news:
		case <-timer.C:
		}
	}
}

func (w *Waiter) news() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.changed
}

// tailsAt returns the tails of the partitions at a position or a later one, as soon as that is published.
func (w *Waiter) tailsAt(ctx context.Context, service string, position eventstore.Position) ([]eventstore.Position, error) {
	for {
		w.mu.Lock()
		c, known := w.checkpoints[service]
		news := w.changed
		w.mu.Unlock()
		switch {
		case !known:
			return nil, fmt.Errorf("waiter: no service %q", service)
		case c.Position >= position:
			return c.Tails, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-news:
		}
	}
}

func (w *Waiter) progressOf(consumer, topic string) *progress {
	w.mu.Lock()
	defer w.mu.Unlock()
	key := progressKey{consumer, topic}
	if w.progress[key] == nil {
		w.progress[key] = &progress{progressKey: key, turn: make(chan struct{}, 1)}
	}
	return w.progress[key]
}

type progressKey struct{ consumer, topic string }

// progress is what was last seen of a consumer's checkpoints, shared by all who wait for it: however many they are, one at
// a time asks the database.
type progress struct {
	progressKey
	turn chan struct{} // a lock that a context can give up on

	// Who has the turn owns these.
	positions map[int32]eventstore.Position
	asked     time.Time
}

// reached says whether the consumer has come to the tails. What was seen before a moment is looked at, but does not count as
// a no.
func (p *progress) reached(ctx context.Context, pool *pgxpool.Pool, tails []eventstore.Position, since time.Time) (bool, error) {
	select {
	case <-ctx.Done():
		return false, ctx.Err()
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	}
	if p.has(tails) {
		return true, nil // a checkpoint never goes back
	}
	if p.asked.After(since) {
		return false, nil // by someone else, while this one waited for its turn
	}
	asked := time.Now()
	checkpoints, err := loadCheckpoints(ctx, pool, p.consumer, p.topic)
	if err != nil {
		return false, err
	}
	p.asked, p.positions = asked, make(map[int32]eventstore.Position, len(checkpoints))
	for partition, c := range checkpoints {
		p.positions[partition] = c.Position
	}
	return p.has(tails), nil
}

func (p *progress) has(tails []eventstore.Position) bool {
	for partition, tail := range tails {
		if p.positions[int32(partition)] < tail {
			return false
		}
	}
	return true
}

// Run follows the relays' checkpoints until ctx ends, then returns nil. Errors are retried for ever; meanwhile waits for
// later positions take until their context ends.
func (w *Waiter) Run(ctx context.Context) error {
	pause := minPause
	for {
		started := time.Now()
		err := w.follow(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // told to stop
		}
		if time.Since(started) > maxPause {
			pause = minPause
		}
		w.cfg.Logger.WarnContext(ctx, "waiter starts again", "error", err, "pause", pause)
		select {
		case <-ctx.Done():
		case <-time.After(pause/2 + rand.N(pause)): //nolint:gosec // jitter
		}
		pause = min(2*pause, maxPause)
	}
}

// follow reads the newest checkpoint of each service, and then all that come.
func (w *Waiter) follow(ctx context.Context) error {
	config := kafka.Config{Brokers: w.cfg.Brokers, Options: w.cfg.Options, Logger: w.cfg.Logger}
	from, err := w.newest(ctx, config)
	if err != nil {
		return err
	}
	client, err := config.NewClient(
		kgo.ConsumePartitions(from),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()), // a topic made anew is an error, and the way to notice it
	)
	if err != nil {
		return err
	}
	defer client.Close()
	for {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("follow checkpoints: %w", err)
		}
		fetches.EachRecord(w.observe)
	}
}

// newest observes the last checkpoint of each service and returns where to read on.
func (w *Waiter) newest(ctx context.Context, config kafka.Config) (map[string]map[int32]kgo.Offset, error) {
	client, err := config.NewClient()
	if err != nil {
		return nil, err
	}
	defer client.Close()
	from := map[string]map[int32]kgo.Offset{}
	for _, service := range w.cfg.Services {
		topic := kafka.RelayTopic(service)
		tails, err := kafka.ReadTails(ctx, client, topic, func(r *kgo.Record) bool {
			_, _, err := kafka.ParseCheckpoint(r)
			return err == nil
		})
		if err != nil {
			return nil, err
		}
		for i, tail := range tails {
			if tail.Last != nil {
				w.observe(tail.Last)
			}
			from[topic] = map[int32]kgo.Offset{int32(i): kgo.NewOffset().At(tail.End)}
		}
	}
	return from, nil
}

// observe takes a checkpoint. Which events precede a position never changes, so one that is older than what is known, as
// after a broker was made anew, says nothing new.
func (w *Waiter) observe(r *kgo.Record) {
	service, c, err := kafka.ParseCheckpoint(r)
	if err != nil {
		w.cfg.Logger.Warn("not a checkpoint", "error", err)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if c.Position > w.checkpoints[service].Position {
		w.checkpoints[service] = c
		w.wake()
	}
}
