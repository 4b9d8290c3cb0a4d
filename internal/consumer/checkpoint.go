package consumer

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/failpoint"
)

var (
	//go:embed migrations/*.sql
	migrations embed.FS

	//go:embed sql/load_checkpoints.sql
	loadCheckpointsSQL string
	//go:embed sql/insert_checkpoint.sql
	insertCheckpointSQL string
	//go:embed sql/move_checkpoint.sql
	moveCheckpointSQL string
)

// Migrations returns the goose migrations of the tables that all consumers of a database share.
func Migrations() fs.FS {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // the folder is embedded
	}
	return files
}

// Access is what a service's runtime role needs on the tables of [Migrations]. No dead letter is ever deleted.
func Access() map[string]string {
	return map[string]string{
		"checkpoints":      "SELECT, INSERT, UPDATE",
		"parked_keys":      "SELECT, INSERT, UPDATE, DELETE",
		"parked_events":    "SELECT, INSERT, UPDATE",
		"gap_refilled":     "SELECT, INSERT",
		"consumer_members": "SELECT, INSERT, UPDATE, DELETE",
	}
}

// checkpoint is a row of the table. The zero value stands for one that is not there.
type checkpoint struct {
	Version     int64
	Position    eventstore.Position
	NextOffset  int64
	TopicID     uuid.UUID
	LeaderEpoch int32
	ClusterID   string
}

func loadCheckpoints(ctx context.Context, db Querier, consumer, topic string) (map[int32]checkpoint, error) {
	type row struct {
		Partition int32
		checkpoint
	}
	rows, err := db.Query(ctx, loadCheckpointsSQL, pgx.StrictNamedArgs{"consumer": consumer, "topic": topic})
	if err != nil {
		return nil, fmt.Errorf("load checkpoints of %s in %s: %w", consumer, topic, err)
	}
	loaded := map[int32]checkpoint{}
	var r row
	_, err = pgx.ForEachRow(rows, []any{&r.Partition, &r.Version, &r.Position, &r.NextOffset, &r.TopicID, &r.LeaderEpoch, &r.ClusterID}, func() error {
		loaded[r.Partition] = r.checkpoint
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("load checkpoints of %s in %s: %w", consumer, topic, err)
	}
	return loaded, nil
}

// counts is what became of the records and refilled events of a batch.
type counts struct{ applied, skipped, parked int }

// moveCheckpoint replaces one checkpoint by another within tx. It fails with errZombie when the one to replace is not
// there any more.
func moveCheckpoint(ctx context.Context, tx pgx.Tx, consumer, topic string, partition int32, from, to checkpoint, n counts) error {
	args := pgx.StrictNamedArgs{
		"consumer": consumer, "topic": topic, "partition": partition,
		"position": to.Position, "next_offset": to.NextOffset,
		"topic_id": to.TopicID, "leader_epoch": to.LeaderEpoch, "cluster_id": to.ClusterID,
		"applied": n.applied, "skipped": n.skipped, "parked": n.parked,
	}
	statement := insertCheckpointSQL
	if from.Version > 0 {
		statement = moveCheckpointSQL
		args["version"] = from.Version
	}
	var moved pgconn.CommandTag
	moved, err := tx.Exec(ctx, statement, args)
	if err != nil {
		return fmt.Errorf("move checkpoint: %w", err)
	}
	if moved.RowsAffected() == 0 && failpoint.Is(failpoint.NoOffsetGuard) {
		unguarded := strings.Replace(moveCheckpointSQL, "AND version = @version", "AND @version >= 0", 1)
		args["version"] = from.Version
		moved, err = tx.Exec(ctx, unguarded, args)
		if err != nil {
			return err
		}
	}
	if moved.RowsAffected() == 0 {
		return errZombie
	}
	return nil
}
