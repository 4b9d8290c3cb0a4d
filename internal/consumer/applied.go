package consumer

import (
	"context"
	_ "embed"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/ordo-platform/ordo/eventstore"
)

var (
	//go:embed sql/advance_checkpoints.sql
	advanceCheckpointsSQL string
	//go:embed sql/adopt_offsets.sql
	adoptOffsetsSQL string
	//go:embed sql/hold_checkpoints.sql
	holdCheckpointsSQL string
	//go:embed sql/drop_checkpoints.sql
	dropCheckpointsSQL string
)

// Applied returns the position of the last event that a consumer has applied in each partition of a topic, for partitions
// where there is one.
func Applied(ctx context.Context, db Querier, consumer, topic string) (map[int32]eventstore.Position, error) {
	checkpoints, err := loadCheckpoints(ctx, db, consumer, topic)
	if err != nil {
		return nil, err
	}
	positions := make(map[int32]eventstore.Position, len(checkpoints))
	for partition, saved := range checkpoints {
		positions[partition] = saved.Position
	}
	return positions, nil
}

// Querier is a pool, a connection or a transaction.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// Advance moves the checkpoints of a consumer that no member runs yet, within the transaction of what was applied for it.
func Advance(ctx context.Context, tx pgx.Tx, consumer, topic string, to map[int32]eventstore.Position) error {
	if len(to) == 0 {
		return nil
	}
	partitions := slices.Sorted(maps.Keys(to))
	positions := make([]int64, len(partitions))
	for i, p := range partitions {
		positions[i] = int64(to[p])
	}
	moved, err := tx.Exec(ctx, advanceCheckpointsSQL, pgx.StrictNamedArgs{
		"consumer": consumer, "topic": topic, "partitions": partitions, "positions": positions,
	})
	if err != nil {
		return fmt.Errorf("advance checkpoints of %s: %w", consumer, err)
	}
	if moved.RowsAffected() != int64(len(to)) {
		return errZombie
	}
	return nil
}

// AdoptOffsets lets a consumer begin where another one reads, wherever that is early enough.
func AdoptOffsets(ctx context.Context, tx pgx.Tx, consumer, topic, other string) error {
	_, err := tx.Exec(ctx, adoptOffsetsSQL, pgx.StrictNamedArgs{"consumer": consumer, "topic": topic, "other": other})
	if err != nil {
		return fmt.Errorf("adopt offsets of %s: %w", other, err)
	}
	return nil
}

// Hold keeps all members of a consumer from committing until tx ends, and returns what it has applied.
func Hold(ctx context.Context, tx pgx.Tx, consumer, topic string, partitions int) (map[int32]eventstore.Position, error) {
	_, err := tx.Exec(ctx, holdCheckpointsSQL, pgx.StrictNamedArgs{"consumer": consumer, "topic": topic, "partitions": partitions})
	if err != nil {
		return nil, fmt.Errorf("hold checkpoints of %s: %w", consumer, err)
	}
	return Applied(ctx, tx, consumer, topic)
}

// Forget deletes the checkpoints of a consumer that is no more, and its dead letters with them.
func Forget(ctx context.Context, tx pgx.Tx, consumer string) error {
	if _, err := tx.Exec(ctx, dropCheckpointsSQL, pgx.StrictNamedArgs{"consumer": consumer}); err != nil {
		return fmt.Errorf("forget %s: %w", consumer, err)
	}
	return nil
}
