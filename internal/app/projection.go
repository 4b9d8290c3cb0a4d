package app

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/consumer"
	"github.com/ordo-platform/ordo/internal/generations"
	"github.com/ordo-platform/ordo/internal/kafka"
	"github.com/ordo-platform/ordo/internal/readmodels"
)

// lookEvery is how often a projection asks which generations there are to feed.
const lookEvery = time.Second

// projection feeds the generations of a read model that this program's fold belongs to, each by a consumer of its own.
// Which these are is looked up all the time: a replay adds one while the program runs.
type projection struct {
	model       readmodels.Kept
	catalogue   generations.Catalogue
	newConsumer func(generations.Generation) (*consumer.Consumer, error)
	log         *slog.Logger

	mu      sync.Mutex
	feeding map[int]*consumer.Consumer // by number of generation
	err     error                      // of the last look
}

// Run feeds until ctx ends.
func (p *projection) Run(ctx context.Context) error {
	var consumers sync.WaitGroup
	defer consumers.Wait()
	stops := map[int]context.CancelFunc{}
	defer func() {
		for _, stop := range stops {
			stop()
		}
	}()
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		wanted, err := p.catalogue.Feed(ctx, p.model.Name, p.model.Version)
		if err != nil && ctx.Err() == nil {
			p.log.WarnContext(ctx, "which generations to feed is not known", "error", err)
		}
		p.setError(err)
		if err == nil {
			for number, stop := range stops {
				if !slices.Contains(wanted, number) {
					stop()
					delete(stops, number)
				}
			}
			for _, number := range wanted {
				if stops[number] != nil {
					continue
				}
				c, err := p.newConsumer(generations.Generation{Model: p.model.Name, Number: number})
				if err != nil {
					return err
				}
				feedCtx, stop := context.WithCancel(ctx)
				stops[number] = stop
				consumers.Go(func() { p.feed(feedCtx, number, c) })
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// feed runs one consumer. It returns nil when told to stop, and knows no other end.
func (p *projection) feed(ctx context.Context, number int, c *consumer.Consumer) {
	p.mu.Lock()
	p.feeding[number] = c
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.feeding, number)
	}()
	if err := c.Run(ctx); err != nil {
		p.log.ErrorContext(ctx, "consumer ended", "consumer", c.Name(), "error", err)
	}
}

func (p *projection) setError(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = err
}

// check is the projection's part of /readyz. A live generation that belongs to another program's fold is fine: that program
// feeds it, or a replay is due, which `ordo projections status` tells.
func (p *projection) check(ctx context.Context) error {
	live, err := p.catalogue.Live(ctx, p.model.Name)
	if err != nil || live.FoldVersion != p.model.Version {
		return err
	}
	p.mu.Lock()
	c, lookErr := p.feeding[live.Number], p.err
	p.mu.Unlock()
	switch {
	case lookErr != nil:
		return lookErr
	case c == nil:
		return fmt.Errorf("generation %d is not fed yet", live.Number)
	}
	return c.Status().Err()
}

// readers are the consumers whose progress says what an empty broker has to be refilled with: those of the generations
// that this program feeds, and that of the live one.
func (p *projection) readers(ctx context.Context) ([]string, error) {
	list, err := p.catalogue.List(ctx, p.model.Name)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, g := range list {
		if !g.Dropped && g.Fed && (g.State == generations.Live || g.FoldVersion == p.model.Version) {
			names = append(names, g.Consumer(p.model.Consumer()))
		}
	}
	return names, nil
}

// waitForLive waits until queries to the live generation see everything up to a position of the log. A swap meanwhile does
// no harm: a generation becomes live only when it is at least as far as the one before, so what matters is that the one
// that was waited for is live when the wait ends.
func (p *projection) waitForLive(ctx context.Context, waiter *consumer.Waiter, position eventstore.Position) error {
	number, err := p.catalogue.LiveNumber(ctx, p.model.Name)
	for err == nil {
		g := generations.Generation{Model: p.model.Name, Number: number}
		if err = waiter.WaitFor(ctx, g.Consumer(p.model.Consumer()), p.model.Source, position); err != nil {
			return err
		}
		var now int
		if now, err = p.catalogue.LiveNumber(ctx, p.model.Name); err == nil && now == number {
			return nil
		}
		number = now
	}
	return err
}

// wakingHandler tells those who wait for a read model of this process that there is more in it.
type wakingHandler struct {
	consumer.Handler
	wake func()
}

func (h wakingHandler) Handle(ctx context.Context, tx pgx.Tx, events []eventstore.Recorded) error {
	consumer.AfterCommit(ctx, h.wake)
	return h.Handler.Handle(ctx, tx, events)
}

// project adds a read model to its service.
func (p *Platform) project(kept readmodels.Kept) {
	s := p.services[kept.Service]
	s.projections = append(s.projections, &projection{
		model:     kept,
		catalogue: generations.New(s.pool),
		log:       s.log.With("projection", kept.Name),
		feeding:   map[int]*consumer.Consumer{},
		newConsumer: func(g generations.Generation) (*consumer.Consumer, error) {
			topics := []string{kafka.EventsTopic(kept.Source)}
			var handler consumer.Handler = kept.Projector(g.Schema())
			if kept.Service == Views {
				handler = wakingHandler{handler, p.waiter.Wake}
			}
			return p.newConsumer(s, g.Consumer(kept.Consumer()), topics, handler, true)
		},
	})
}
