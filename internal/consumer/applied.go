package consumer

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ordo-platform/ordo/eventstore"
)

// Applied returns the position of the last event that a consumer has applied in each partition of a topic, for partitions
// where there is one.
func Applied(ctx context.Context, pool *pgxpool.Pool, consumer, topic string) (map[int32]eventstore.Position, error) {
	checkpoints, err := loadCheckpoints(ctx, pool, consumer, topic)
	if err != nil {
		return nil, err
	}
	positions := make(map[int32]eventstore.Position, len(checkpoints))
	for partition, saved := range checkpoints {
		positions[partition] = saved.Position
	}
	return positions, nil
}
