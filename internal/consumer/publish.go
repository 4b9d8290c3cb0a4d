package consumer

import (
	"context"
	_ "embed"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ordo-platform/ordo/internal/kafka"
)

//go:embed sql/unpublished_letters.sql
var unpublishedLettersSQL string

const (
	lettersAtOnce     = 100
	publishEvery      = 10 * time.Second // unless there is something new
	publishTimeout    = 30 * time.Second
	lettersPartitions = 1 // they are few, and their order is worth having
)

// publishLetters keeps the dead letter topic in step with the table, until ctx ends. A letter is written at least once, always
// under the same id; the table says which were.
func (c *Consumer) publishLetters(ctx context.Context) error {
	ticker := time.NewTicker(publishEvery)
	defer ticker.Stop()
	for {
		if err := c.publishSome(ctx); err != nil && ctx.Err() == nil {
			c.cfg.Logger.WarnContext(ctx, "dead letters are not published", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		case <-c.letters:
		}
	}
}

// unpublished is a dead letter with the record it was.
type unpublished struct {
	id     int64
	record *kgo.Record
}

func (c *Consumer) publishSome(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	letters, err := c.unpublished(ctx)
	if err != nil || len(letters) == 0 {
		return err
	}
	client, err := kafka.Config{Brokers: c.cfg.Brokers, Options: c.cfg.Options, Logger: c.cfg.Logger}.NewClient()
	if err != nil {
		return err
	}
	defer client.Close()
	if err := kafka.EnsureTopics(ctx, client, kafka.DeadLetterTopicSpec(c.cfg.Name, lettersPartitions, c.cfg.Replication)); err != nil {
		return err
	}
	for len(letters) > 0 {
		ids := make([]int64, len(letters))
		records := make([]*kgo.Record, len(letters))
		for i, l := range letters {
			ids[i], records[i] = l.id, l.record
		}
		if err := client.ProduceSync(ctx, records...).FirstErr(); err != nil {
			return fmt.Errorf("produce: %w", err)
		}
		if _, err := c.cfg.Pool.Exec(ctx, "UPDATE parked_events SET published_at = now() WHERE id = ANY ($1)", ids); err != nil {
			return fmt.Errorf("mark as published: %w", err)
		}
		if letters, err = c.unpublished(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (c *Consumer) unpublished(ctx context.Context) ([]unpublished, error) {
	rows, err := c.cfg.Pool.Query(ctx, unpublishedLettersSQL, pgx.StrictNamedArgs{"consumer": c.cfg.Name, "limit": lettersAtOnce})
	if err != nil {
		return nil, fmt.Errorf("read dead letters: %w", err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (unpublished, error) {
		var key, headers []byte
		l, err := scanDeadLetter(row, &key, &headers)
		if err != nil {
			return unpublished{}, err
		}
		original := &kgo.Record{Topic: l.Topic, Partition: l.Partition, Offset: l.Offset, Timestamp: l.RecordTime, Key: key, Value: l.Value}
		if original.Headers, err = recordHeaders(headers); err != nil {
			return unpublished{}, err
		}
		dead := kafka.DeadLetter{
			Consumer: l.Consumer, ID: l.ID, Position: l.Position, Follows: l.Follows, Class: l.Class, Error: l.Error, Fingerprint: l.Fingerprint,
			Attempts: l.Attempts, Redrives: l.Redrives, Truncated: l.Truncated, ParkedAt: l.ParkedAt,
		}
		if l.FirstFailedAt != nil {
			dead.FirstFailedAt, dead.LastFailedAt = *l.FirstFailedAt, *l.LastFailedAt
		}
		return unpublished{l.ID, kafka.DeadLetterRecord(original, dead)}, nil
	})
}
