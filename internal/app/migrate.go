package app

import (
	"context"
	"fmt"
	"maps"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/twmb/franz-go/pkg/kgo"

	eventpg "github.com/ordo-platform/ordo/eventstore/postgres"
	"github.com/ordo-platform/ordo/internal/consumer"
	"github.com/ordo-platform/ordo/internal/generations"
	"github.com/ordo-platform/ordo/internal/kafka"
	"github.com/ordo-platform/ordo/internal/postgres"
	"github.com/ordo-platform/ordo/internal/readmodels"
	"github.com/ordo-platform/ordo/projections"
)

// Migrate makes what processes with [Config].Prepared expect: the tables of the services, with the privileges of the roles
// they run under, and all topics. It may run again at any time, also while services run. What is there and differs is left
// alone, and is an error. Of the configuration it needs the servers, Services, Replication and Logger.
func Migrate(ctx context.Context, c Config) error {
	for _, name := range c.services() {
		if err := migrateService(ctx, name, c); err != nil {
			return fmt.Errorf("service %s: %w", name, err)
		}
		c.Logger.InfoContext(ctx, "tables are up to date", "service", name)
	}
	if err := onTopics(ctx, c, kafka.EnsureTopics); err != nil {
		return err
	}
	if err := onTopics(ctx, c, kafka.CheckTopics); err != nil {
		return err
	}
	c.Logger.InfoContext(ctx, "topics are as they must be")
	return nil
}

// migrateService needs no connection of the role that the service runs under, so it can do without its password.
func migrateService(ctx context.Context, name string, c Config) error {
	address := c.Owners[name]
	if address == "" {
		address = c.Databases[name]
	}
	owner, err := postgres.Open(ctx, address, ownerConns)
	if err != nil {
		return err
	}
	defer owner.Close()
	if err := eventpg.CheckServer(ctx, owner, c.UnsafeDurability); err != nil {
		return err
	}
	access, err := migrate(ctx, name, owner)
	if err != nil || c.Owners[name] == "" {
		return err
	}
	runtime, err := pgx.ParseConfig(c.Databases[name])
	if err != nil {
		return fmt.Errorf("database url: %w", err)
	}
	role := runtime.User
	if given := runtime.RuntimeParams["role"]; given != "" {
		role = given
	}
	return postgres.Grant(ctx, owner, role, access)
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
	access, err := migrate(ctx, s.name, owner)
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
func migrate(ctx context.Context, service string, owner *pgxpool.Pool) (access map[string]string, err error) {
	access = consumer.Access()
	access["migrations_*"] = "SELECT" // to see that they have run
	if service != Views {
		if err := postgres.Migrate(ctx, owner, "eventstore", eventpg.Migrations()); err != nil {
			return nil, err
		}
		maps.Copy(access, eventpg.Access())
	}
	if err := postgres.Migrate(ctx, owner, "consumer", consumer.Migrations()); err != nil {
		return nil, err
	}
	models := modelsOf(service)
	if err := generations.Prepare(ctx, owner, models...); err != nil {
		return nil, err
	}
	maps.Copy(access, generations.Access(models...))
	return access, nil
}

// checkTables refuses tables that are not what migrate makes.
func checkTables(ctx context.Context, service string, pool *pgxpool.Pool) error {
	if service != Views {
		if err := postgres.CheckMigrated(ctx, pool, "eventstore", eventpg.Migrations()); err != nil {
			return err
		}
	}
	if err := postgres.CheckMigrated(ctx, pool, "consumer", consumer.Migrations()); err != nil {
		return err
	}
	return generations.Check(ctx, pool, modelsOf(service)...)
}

func modelsOf(service string) []projections.ReadModel {
	var models []projections.ReadModel
	for _, kept := range readmodels.Of(service) {
		models = append(models, kept.ReadModel)
	}
	return models
}

// onTopics does something with all topics of the platform.
func onTopics(ctx context.Context, c Config, do func(context.Context, *kgo.Client, ...kafka.TopicSpec) error) error {
	client, err := kafka.Config{Brokers: c.Brokers, Logger: c.Logger}.NewClient()
	if err != nil {
		return err
	}
	defer client.Close()
	return do(ctx, client, topics(c.Replication)...)
}
