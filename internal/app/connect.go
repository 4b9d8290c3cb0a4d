package app

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ordo-platform/ordo/aggregates/product"
	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/eventstore/relay"
	"github.com/ordo-platform/ordo/internal/consumer"
	"github.com/ordo-platform/ordo/internal/deadlines"
	"github.com/ordo-platform/ordo/internal/kafka"
	"github.com/ordo-platform/ordo/internal/payments"
	"github.com/ordo-platform/ordo/internal/psp"
	"github.com/ordo-platform/ordo/internal/readmodels"
	"github.com/ordo-platform/ordo/sagas/fulfilment"
)

const (
	leaseTime = 10 * time.Second

	// refill is how many of the newest events a disposable broker gets at least, for people who look into the topics.
	refill = 50_000
)

// connect joins the services by Kafka: who publishes, who reads what, who reacts to what.
func (p *Platform) connect() error {
	for _, kept := range readmodels.All() {
		if p.services[kept.Service] != nil {
			p.project(kept)
		}
	}
	for name, sources := range reactsTo {
		s := p.services[name]
		if s == nil {
			continue
		}
		handler := reactorHandler{reactor: fulfilment.Steps.For(name), commands: s.commands, store: s.store}
		if err := p.consume(name, "fulfilment", sources, handler); err != nil {
			return err
		}
	}
	for _, name := range publishers() {
		if s := p.services[name]; s != nil {
			if err := p.publish(s); err != nil {
				return err
			}
		}
	}
	if o := p.services[Orders]; o != nil {
		o.deadlines = deadlines.New(deadlines.Config{Store: o.store, Pool: o.pool, Commands: o.commands, Clock: time.Now, Logger: o.log})
	}
	if s := p.services[Payments]; s != nil {
		provider, err := psp.NewClient(psp.ClientConfig{BaseURL: p.config.PaymentProvider, Timeout: p.config.PaymentTimeout})
		if err != nil {
			return err
		}
		s.worker = payments.New(payments.Config{Store: s.store, Pool: s.pool, Commands: s.commands, Provider: provider, Logger: s.log})
	}
	if v := p.services[Views]; v != nil {
		var err error
		p.waiter, err = consumer.NewWaiter(consumer.WaiterConfig{Brokers: p.config.Brokers, Services: publishers(), Pool: v.pool, Logger: p.config.Logger})
		return err
	}
	return nil
}

// consume adds a consumer to a service. Its name is <service>.<what>.
func (p *Platform) consume(service, what string, sources []string, handler consumer.Handler) error {
	s := p.services[service]
	topics := make([]string, 0, len(sources))
	for _, source := range sources {
		topics = append(topics, kafka.EventsTopic(source))
	}
	c, err := p.newConsumer(s, consumerName(service, what), topics, handler, false)
	if err != nil {
		return err
	}
	s.consumers = append(s.consumers, c)
	return nil
}

func (p *Platform) newConsumer(s *service, name string, topics []string, handler consumer.Handler, givesWay bool) (*consumer.Consumer, error) {
	sources := map[string]consumer.Source{}
	for _, topic := range topics {
		var err error
		if sources[topic], err = p.logOf(topic); err != nil {
			return nil, err
		}
	}
	c, err := consumer.New(consumer.Config{
		Name:    name,
		Topics:  topics,
		Pool:    s.pool,
		Brokers: p.config.Brokers,
		Handler: handler,
		Judge:   judge,
		Sources: sources,
		GiveWay: givesWay,

		Replication: max(p.config.Replication, 1),
		StopTimeout: giveUp,
		Logger:      s.log.With("consumer", name),
	})
	if err != nil {
		return nil, fmt.Errorf("consumer %s: %w", name, err)
	}
	return c, nil
}

// followProducts tells the caches of products what has changed, whoever projects it.
func (p *Platform) followProducts(ctx context.Context) error {
	brokers := kafka.Config{Brokers: p.config.Brokers, Logger: p.config.Logger}
	return brokers.Follow(ctx, kafka.EventsTopic(Catalog), func(e eventstore.Recorded) {
		for _, s := range p.services {
			if s.products != nil {
				s.products.Changed(product.SKU(e.Stream.Key()), e.Version)
			}
		}
	})
}

// publish adds a relay to a service.
func (p *Platform) publish(s *service) error {
	wake, _ := s.store.Subscribe() // as long as the store lives
	startAt := func(context.Context) (eventstore.Position, error) { return 0, nil }
	if p.config.DisposableBroker {
		startAt = func(ctx context.Context) (eventstore.Position, error) { return p.refillFrom(ctx, s) }
	}
	var err error
	s.relay, err = relay.New(relay.Config{
		Service:    s.name,
		Log:        s.store,
		Lease:      s.store.Lease("relay", p.config.Holder, leaseTime),
		Wake:       wake,
		Brokers:    p.config.Brokers,
		Partitions: Partitions,
		StartAt:    startAt,

		StopTimeout: giveUp,
		Logger:      s.log.With("component", "relay"),
	})
	return err
}

// refillFrom is the position after which an empty broker has to be refilled: every event that some consumer has not
// applied, and at least the newest ones.
func (p *Platform) refillFrom(ctx context.Context, s *service) (eventstore.Position, error) {
	head, err := s.store.Head(ctx)
	if err != nil {
		return 0, err
	}
	from := max(0, head-refill)
	topic := kafka.EventsTopic(s.name)
	for _, reader := range p.services {
		names, err := reader.readersOf(ctx, s.name)
		if err != nil {
			return 0, err
		}
		for _, name := range names {
			applied, err := consumer.Applied(ctx, reader.pool, name, topic)
			if err != nil {
				return 0, err
			}
			unseen, err := s.store.Unseen(ctx, consumer.SeenOf(applied))
			if err != nil {
				return 0, err
			}
			if unseen.First > 0 {
				from = min(from, unseen.First-1)
			}
		}
	}
	return from, nil
}

// readersOf are the names of the consumers of this service that apply events of another.
func (s *service) readersOf(ctx context.Context, source string) ([]string, error) {
	var names []string
	if slices.Contains(reactsTo[s.name], source) {
		names = append(names, consumerName(s.name, "fulfilment"))
	}
	for _, p := range s.projections {
		if p.model.Source != source {
			continue
		}
		readers, err := p.readers(ctx)
		if err != nil {
			return nil, err
		}
		names = append(names, readers...)
	}
	return names, nil
}
