package app

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5/pgxpool"

	eventpg "github.com/ordo-platform/ordo/eventstore/postgres"
	"github.com/ordo-platform/ordo/eventstore/relay"
	"github.com/ordo-platform/ordo/internal/command"
	"github.com/ordo-platform/ordo/internal/consumer"
	"github.com/ordo-platform/ordo/internal/deadlines"
	"github.com/ordo-platform/ordo/internal/httpapi"
	"github.com/ordo-platform/ordo/internal/payments"
	"github.com/ordo-platform/ordo/internal/postgres"
	"github.com/ordo-platform/ordo/projections/productview"
)

// maxConns bounds the connections of one service in one process. Consumers take one per partition at work, so this is also
// how many partitions are worked on at once.
const maxConns = 12

// ownerConns bounds those that make the tables, at start.
const ownerConns = 2

// service is one service of a platform: its database and what runs on it.
type service struct {
	name      string
	config    Config
	log       *slog.Logger
	pool      *pgxpool.Pool
	store     *eventpg.Store // nil for views
	commands  *command.Handler
	relay     *relay.Relay
	consumers []*consumer.Consumer // that react
	worker    *payments.Worker     // payments only
	deadlines *deadlines.Worker    // orders only
	products  *productview.Cache   // orders and views

	projections []*projection
}

// openService opens a service's database, brings it up to date or sees that it is, and opens its log.
func openService(ctx context.Context, name string, c Config) (_ *service, err error) {
	s := &service{name: name, config: c, log: c.Logger.With("service", name)}
	defer func() {
		if err != nil {
			s.close()
			err = fmt.Errorf("service %s: %w", name, err)
		}
	}()
	if s.pool, err = postgres.OpenForLookups(ctx, c.Databases[name], maxConns); err != nil {
		return nil, err
	}
	if err := s.checkServer(ctx); err != nil {
		return nil, err
	}
	if c.Prepared {
		err = checkTables(ctx, name, s.pool)
	} else {
		err = s.prepareTables(ctx)
	}
	if err != nil {
		return nil, err
	}
	if name == Orders || name == Views {
		s.products = productview.NewCache(productview.NewQueries(s.pool), c.ProductTTL)
	}
	if name == Views {
		return s, nil
	}
	s.store, err = eventpg.Open(ctx, s.pool, eventpg.Config{
		Partitions: Partitions, DrainTimeout: giveUp, UnsafeDurability: c.UnsafeDurability,
	})
	if err != nil {
		return nil, err
	}
	s.commands = command.New(s.store, tasksOf(name, c))
	return s, nil
}

// tasksOf is which events of a service are followed by work outside its log.
func tasksOf(service string, c Config) command.TaskRule {
	switch service {
	case Payments:
		return payments.Tasks
	case Orders:
		return c.Deadlines.Tasks
	}
	return nil
}

// checkServer says whether the service's database can be written to, and keeps what is written.
func (s *service) checkServer(ctx context.Context) error {
	return eventpg.CheckServer(ctx, s.pool, s.config.UnsafeDurability)
}

// close gives up the service's connections.
func (s *service) close() {
	if s != nil && s.pool != nil {
		s.pool.Close()
	}
}

// runRelay keeps a relay that must not go on from ending the whole process: /readyz says why, and what is stored can be read.
func (s *service) runRelay(ctx context.Context) error {
	if err := s.relay.Run(ctx); err != nil {
		s.log.ErrorContext(ctx, "the relay has stopped for good", "error", err)
		<-ctx.Done()
	}
	return nil
}

// checks are the service's part of /readyz.
func (s *service) checks() []httpapi.Check {
	checks := []httpapi.Check{{Name: s.name + "/postgres", Check: s.checkServer}}
	if s.store != nil {
		checks = append(checks, httpapi.Check{Name: s.name + "/store", Check: func(context.Context) error { return s.store.Err() }})
	}
	if s.relay != nil {
		checks = append(checks, httpapi.Check{Name: s.name + "/relay", Check: func(context.Context) error { return s.relay.Status().Err() }})
	}
	for _, c := range s.consumers {
		checks = append(checks, httpapi.Check{Name: "consumer/" + c.Name(), Check: func(context.Context) error { return c.Status().Err() }})
	}
	if s.worker != nil {
		checks = append(checks, httpapi.Check{
			Name: s.name + "/provider", Warns: true, Check: func(context.Context) error { return s.worker.ProviderStatus() },
		})
	}
	for _, p := range s.projections {
		checks = append(checks, httpapi.Check{Name: "consumer/" + p.model.Consumer(), Check: p.check})
	}
	return checks
}
