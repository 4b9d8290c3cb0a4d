package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ordo-platform/ordo/eventstore"
)

var (
	sqlUnseen        = statement("unseen")
	sqlReadPartition = statement("read_partition")
)

// Unseen tells what a reader has yet to see that has seen partition p up to seen[p]. A broker that lost everything has to be
// refilled from the first of it.
func (s *Store) Unseen(ctx context.Context, seen []eventstore.Position) (u eventstore.Unseen, err error) {
	var oldest *time.Time
	err = s.pool.QueryRow(ctx, sqlUnseen, pgx.StrictNamedArgs{"seen": seen}).Scan(&u.Head, &u.Events, &u.First, &oldest)
	if err != nil {
		return eventstore.Unseen{}, fmt.Errorf("what is unseen: %w", err)
	}
	if oldest != nil {
		u.Oldest = oldest.UTC()
	}
	return u, nil
}

// ReadPartition returns the events of one partition after a position and up to another, in order, at most limit of them.
func (s *Store) ReadPartition(ctx context.Context, partition int32, after, upTo eventstore.Position, limit int) ([]eventstore.Recorded, error) {
	events, err := s.read(ctx, sqlReadPartition, pgx.StrictNamedArgs{"partition": partition, "after": after, "up_to": upTo, "limit": limit}, limit)
	if err != nil {
		return nil, fmt.Errorf("read partition %d after %d: %w", partition, after, err)
	}
	return events, nil
}
