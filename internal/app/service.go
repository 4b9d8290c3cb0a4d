package app

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	eventpg "github.com/ordo-platform/ordo/eventstore/postgres"
	"github.com/ordo-platform/ordo/eventstore/relay"
	"github.com/ordo-platform/ordo/internal/command"
	"github.com/ordo-platform/ordo/internal/consumer"
	"github.com/ordo-platform/ordo/internal/deadlines"
	"github.com/ordo-platform/ordo/internal/generations"
	"github.com/ordo-platform/ordo/internal/httpapi"
	"github.com/ordo-platform/ordo/internal/payments"
	"github.com/ordo-platform/ordo/internal/postgres"
	"github.com/ordo-platform/ordo/internal/readmodels"
	"github.com/ordo-platform/ordo/projections"
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

	projections []*projection
}

// openService opens a service's database, brings it up to date and opens its log.
func openService(ctx context.Context, name string, c Config) (_ *service, err error) {
	s := &service{name: name, config: c, log: c.Logger.With("service", name)}
	defer func() {
		if err != nil {
			s.close()
			err = fmt.Errorf("service %s: %w", name, err)
		}
	}()
	if s.pool, err = postgres.Open(ctx, c.Databases[name], maxConns); err != nil {
		return nil, err
	}
	if err := s.checkServer(ctx); err != nil {
		return nil, err
	}
	if err := s.prepareTables(ctx); err != nil {
		return nil, err
	}
	if name == Views {
		return s, nil
	}
	s.store, err = eventpg.Open(ctx, s.pool, eventpg.Config{
		Partitions: partitions, DrainTimeout: giveUp, UnsafeDurability: c.UnsafeDurability,
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
		return payments.TaskFor
	case Orders:
		return c.Deadlines.Deadline
	}
	return nil
}

// checkServer says whether the service's database can be written to, and keeps what is written.
func (s *service) checkServer(ctx context.Context) error {
	return eventpg.CheckServer(ctx, s.pool, s.config.UnsafeDurability)
}

// prepareTables brings the service's tables up to date, as the owner of its database, and lets the role the service runs
// under do with them what it needs. Without an owner, that role is the owner.
func (s *service) prepareTables(ctx context.Context) error {
	owner := s.pool
	if address := s.config.Owners[s.name]; address != "" {
		var err error
		if owner, err = postgres.Open(ctx, address, ownerConns); err != nil {
			return err
		}
		defer owner.Close()
	}
	access, err := s.migrate(ctx, owner)
	if err != nil || owner == s.pool {
		return err
	}
	var role string
	if err := s.pool.QueryRow(ctx, "SELECT current_user").Scan(&role); err != nil {
		return err
	}
	return postgres.Grant(ctx, owner, role, access)
}

// migrate returns what the service's role needs on the tables it has made.
func (s *service) migrate(ctx context.Context, owner *pgxpool.Pool) (access map[string]string, err error) {
	access = consumer.Access()
	if s.name != Views {
		if err := postgres.Migrate(ctx, owner, "eventstore", eventpg.Migrations()); err != nil {
			return nil, err
		}
		maps.Copy(access, eventpg.Access())
	}
	if err := postgres.Migrate(ctx, owner, "consumer", consumer.Migrations()); err != nil {
		return nil, err
	}
	var models []projections.ReadModel
	for _, kept := range readmodels.Of(s.name) {
		models = append(models, kept.ReadModel)
	}
	if err := generations.Prepare(ctx, owner, models...); err != nil {
		return nil, err
	}
	maps.Copy(access, generations.Access(models...))
	return access, nil
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

// holder names this process in leases.
func (s *service) holder() string {
	if s.config.Holder != "" {
		return s.config.Holder
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s/%d/%s", host, os.Getpid(), uuid.NewString()[:8])
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
