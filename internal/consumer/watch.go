package consumer

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/ordo-platform/ordo/eventstore"
)

//go:embed sql/beat.sql
var beatSQL string

const (
	watchEvery   = 2 * time.Second
	watchTimeout = 10 * time.Second

	// watchShare bounds the part of the time that looking at the lag takes: counting a long backlog is work, too.
	watchShare = 20
)

// watch looks again and again how far the consumer is behind the logs, and shows that it lives, until ctx ends.
func (c *Consumer) watch(ctx context.Context) error {
	for {
		began := time.Now()
		if err := c.look(ctx); err != nil && ctx.Err() == nil {
			c.cfg.Logger.WarnContext(ctx, "lag is not known", "error", err)
		}
		pause := max(watchEvery, watchShare*time.Since(began))
		select {
		case <-ctx.Done():
			return c.signOff(context.WithoutCancel(ctx))
		case <-time.After(pause):
		}
	}
}

func (c *Consumer) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, watchTimeout)
	defer cancel()
	if err := c.beat(ctx); err != nil {
		return err
	}
	for topic, source := range c.cfg.Sources {
		applied, err := Applied(ctx, c.cfg.Pool, c.cfg.Name, topic)
		if err != nil {
			return err
		}
		unseen, err := source.Unseen(ctx, SeenOf(applied))
		if err != nil {
			return fmt.Errorf("lag in %s: %w", topic, err)
		}
		c.status.behind(topic, unseen)
	}
	return nil
}

// SeenOf lists positions by partition, as [Source] wants them.
func SeenOf(applied map[int32]eventstore.Position) []eventstore.Position {
	seen := []eventstore.Position{}
	for partition, position := range applied {
		for int(partition) >= len(seen) {
			seen = append(seen, 0)
		}
		seen[partition] = position
	}
	return seen
}

// beat says when the loop last turned, not that this goroutine lives.
func (c *Consumer) beat(ctx context.Context) error {
	s := c.status.snapshot()
	if s.LastTurn.IsZero() {
		return nil
	}
	text := ""
	if err := s.Err(); err != nil {
		text = err.Error()
	}
	assigned := 0
	for _, p := range s.Partitions {
		if p.Assigned {
			assigned++
		}
	}
	_, err := c.cfg.Pool.Exec(ctx, beatSQL, pgx.StrictNamedArgs{
		"consumer": c.cfg.Name, "member": c.member, "ago": time.Since(s.LastTurn), "partitions": assigned, "error": text,
	})
	if err != nil {
		return fmt.Errorf("beat: %w", err)
	}
	return nil
}

// signOff tells a member that has stopped from one that has died.
func (c *Consumer) signOff(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, rollbackTimeout)
	defer cancel()
	_, err := c.cfg.Pool.Exec(ctx, "DELETE FROM consumer_members WHERE consumer = $1 AND member = $2", c.cfg.Name, c.member)
	if err != nil {
		c.cfg.Logger.WarnContext(ctx, "could not sign off", "error", err)
	}
	return nil
}

func memberName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s/%d/%s", host, os.Getpid(), uuid.NewString()[:8])
}
