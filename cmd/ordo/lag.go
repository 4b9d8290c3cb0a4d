package main

import (
	"context"
	"os"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	eventpg "github.com/ordo-platform/ordo/eventstore/postgres"
	"github.com/ordo-platform/ordo/internal/consumer"
	"github.com/ordo-platform/ordo/internal/kafka"
	"github.com/ordo-platform/ordo/internal/postgres"
)

// lag is how far a consumer is behind the log, in events that are stored and not applied, whatever is on the topic.
type lag struct {
	Applied     int64      `json:"applied_position"`
	Head        int64      `json:"head_position"`
	Behind      int64      `json:"events_behind"`
	OldestAt    *time.Time `json:"oldest_unapplied_at"` // null: nothing is behind
	Seconds     float64    `json:"lag_seconds"`
	Parked      int64      `json:"parked"` // events that wait as dead letters
	Members     int64      `json:"members"`
	HeartbeatAt *time.Time `json:"heartbeat_at"` // null: no process runs it, and none has
	Error       string     `json:"error,omitempty"`
}

// logs opens the logs that consumers are compared with, each once.
type logs struct {
	pools map[string]*pgxpool.Pool
	open  map[string]*eventpg.Store
}

func newLogs() *logs {
	return &logs{pools: map[string]*pgxpool.Pool{}, open: map[string]*eventpg.Store{}}
}

func (l *logs) close() {
	for _, pool := range l.pools {
		pool.Close()
	}
}

// of is the log of a service, nil if its database is not known here.
func (l *logs) of(ctx context.Context, service string) (*eventpg.Store, error) {
	if store, open := l.open[service]; open {
		return store, nil
	}
	l.open[service] = nil
	found, err := findDatabases([]string{service}, os.Getenv)
	if err != nil || found[service] == "" {
		return nil, err
	}
	pool, err := postgres.Open(ctx, found[service], 2)
	if err != nil {
		return nil, aboutDatabase(service, err)
	}
	l.pools[service] = pool
	store, err := eventpg.Open(ctx, pool, eventpg.Config{UnsafeDurability: true}) // not for a reader to judge
	if err != nil {
		return nil, aboutDatabase(service, err)
	}
	l.open[service] = store
	return store, nil
}

// lagOf compares a consumer with the log of a service; nil if that log is not known here.
func (l *logs) lagOf(ctx context.Context, pool *pgxpool.Pool, name, source string) (*lag, error) {
	log, err := l.of(ctx, source)
	if err != nil || log == nil {
		return nil, err
	}
	r, err := consumer.NewReport(ctx, pool, name, kafka.EventsTopic(source), log)
	if err != nil {
		return nil, err
	}
	found := &lag{
		Applied: int64(r.Position), Head: int64(r.Behind.Head), Behind: r.Behind.Events, Parked: r.Parked,
		Members: r.Members, HeartbeatAt: r.BeatAt, Error: r.Error,
	}
	if r.Behind.Events > 0 {
		found.OldestAt, found.Seconds = &r.Behind.Oldest, time.Since(r.Behind.Oldest).Seconds()
	}
	return found, nil
}
