package relay

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/kafka"
)

const (
	// Pause between a session that failed and the next.
	minPause = 50 * time.Millisecond
	maxPause = 2 * time.Second

	// startTimeout bounds fencing and reading what was published.
	startTimeout = 30 * time.Second

	releaseTimeout = 2 * time.Second
)

// Relay publishes the log of one service. Several may run for the same service; one publishes, the others wait.
type Relay struct {
	cfg    Config
	status status
}

// New returns a relay that does nothing until Run.
func New(c Config) (*Relay, error) {
	c, err := c.validate()
	if err != nil {
		return nil, err
	}
	return &Relay{cfg: c}, nil
}

// Status says how the relay is doing. It may be called at any time.
func (r *Relay) Status() Status { return r.status.snapshot() }

// Run publishes until ctx ends, and then returns nil once the batch in hand is done and the lease is given up. Errors of
// brokers and database are retried for ever and seen in [Relay.Status]. What no retry can heal is returned: a
// *[HistoryError], or a *[kafka.PartitionCountError].
func (r *Relay) Run(ctx context.Context) error {
	pause := minPause
	for {
		before := r.status.snapshot().LastSuccess
		err := r.session(ctx)
		if ctx.Err() != nil {
			r.status.stopped(nil)
			return nil //nolint:nilerr // told to stop, and did
		}
		if errors.Is(err, eventstore.ErrLeaseLost) {
			r.status.stopped(nil) // another's turn, which is as it should be
			r.status.standby()
		} else {
			r.status.stopped(err)
		}
		if IsPermanent(err) {
			return err
		}
		if r.status.snapshot().LastSuccess.After(before) {
			pause = minPause
		}
		r.cfg.Logger.WarnContext(ctx, "relay starts again", "error", err, "pause", pause)
		select {
		case <-ctx.Done():
		case <-time.After(pause/2 + rand.N(pause)): //nolint:gosec // jitter
		}
		pause = min(2*pause, maxPause)
	}
}

// IsPermanent tells whether an error is one that no retry can heal, so that it has ended a relay.
func IsPermanent(err error) bool {
	var history *HistoryError
	var count *kafka.PartitionCountError
	return errors.As(err, &history) || errors.As(err, &count)
}

// session publishes until something fails or ctx ends. The order of its first steps is what makes the relay exact: lease,
// new client, fence, and then read.
func (r *Relay) session(ctx context.Context) error {
	standby := time.AfterFunc(r.cfg.RenewEvery, r.status.standby) // until then it may be our turn at once
	epoch, err := r.cfg.Lease.Acquire(ctx)
	standby.Stop()
	r.status.acquired()
	if err != nil {
		return fmt.Errorf("acquire lease: %w", err)
	}
	defer r.release(ctx)

	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return r.renew(gctx) })
	g.Go(func() error { return r.publishAll(gctx, epoch) })
	return g.Wait()
}

// renew keeps the lease until ctx ends. It is over when another has it, or when it ran out because no renewal got through.
func (r *Relay) renew(ctx context.Context) error {
	ticker := time.NewTicker(r.cfg.RenewEvery)
	defer ticker.Stop()
	for renewed := time.Now(); ; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
		began := time.Now()
		attempt, cancel := context.WithTimeout(ctx, r.cfg.RenewEvery)
		err := r.cfg.Lease.Renew(attempt)
		cancel()
		switch {
		case err == nil:
			renewed = began
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, eventstore.ErrLeaseLost):
			return err
		case time.Since(renewed) >= r.cfg.LeaseTime:
			return fmt.Errorf("%w: not renewed for %s: %w", eventstore.ErrLeaseLost, r.cfg.LeaseTime, err)
		default:
			r.cfg.Logger.WarnContext(ctx, "relay could not renew its lease yet", "error", err)
		}
	}
}

// release comes after the client is closed, so nothing of ours is under way when another relay starts.
func (r *Relay) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTimeout)
	defer cancel()
	if err := r.cfg.Lease.Release(ctx); err != nil {
		r.cfg.Logger.WarnContext(ctx, "relay could not release its lease", "error", err)
	}
}

func (r *Relay) publishAll(ctx context.Context, epoch int64) error {
	client, err := kafka.Config{Brokers: r.cfg.Brokers, Options: r.cfg.Options, Logger: r.cfg.Logger}.NewProducer("ordo-relay-" + r.cfg.Service)
	if err != nil {
		return err
	}
	defer client.Close()

	from, err := r.start(ctx, client)
	if err != nil {
		return err
	}
	r.status.started(epoch, from.after)
	r.cfg.Logger.InfoContext(ctx, "relay publishes", "after", from.after, "epoch", epoch)

	batches, published := make(chan batch), make(chan struct{}, 1)
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return r.read(gctx, from, batches, published) })
	g.Go(func() error {
		p := publisher{client: client, log: r.cfg.Log, service: r.cfg.Service, epoch: epoch, generation: from.cluster}
		return r.publish(gctx, p, batches, published)
	})
	return g.Wait()
}

// publish takes one batch after the other until ctx ends. The one in hand is finished then, within a limit.
func (r *Relay) publish(ctx context.Context, p publisher, batches <-chan batch, published chan<- struct{}) error {
	work, cancel := outlive(ctx, r.cfg.StopTimeout)
	defer cancel()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case b := <-batches:
			if err := p.publish(work, b); err != nil {
				return fmt.Errorf("publish up to %d: %w", b.position, err)
			}
			r.status.published(b.position, len(b.records))
			published <- struct{}{} // has room: it was taken before the batch was handed over
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
