package consumer

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

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
	//go:embed sql/move_checkpoints.sql
	moveCheckpointsSQL string
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

// moveCheckpoints replaces checkpoints by others within tx. It fails with errZombie when one to be replaced is not there any more.
func moveCheckpoints(ctx context.Context, tx pgx.Tx, consumer string, moves []move) error {
	var known []move
	for _, m := range moves {
		if m.p.saved.Version > 0 {
			known = append(known, m)
			continue
		}
		if err := insertCheckpoint(ctx, tx, consumer, m); err != nil {
			return err
		}
	}
	if len(known) == 0 {
		return nil
	}
	sql, guard, args := moveCheckpointsSQL, "AND c.version = m.version", moveArgs(consumer, known)
	if len(known) == 1 {
		sql, guard, args = moveCheckpointSQL, "AND version = @version", checkpointArgs(consumer, known[0])
		args["version"] = known[0].p.saved.Version
	}
	moved, err := tx.Exec(ctx, sql, args)
	if err != nil {
		return fmt.Errorf("move checkpoints: %w", err)
	}
	if moved.RowsAffected() < int64(len(known)) && failpoint.Is(failpoint.NoOffsetGuard) {
		unguarded := strings.Replace(sql, guard, "", 1)
		delete(args, "version") // the statement does not name it any more
		if moved, err = tx.Exec(ctx, unguarded, args); err != nil {
			return err
		}
	}
	if moved.RowsAffected() < int64(len(known)) {
		return errZombie
	}
	return nil
}

func moveArgs(consumer string, moves []move) pgx.StrictNamedArgs {
	n := len(moves)
	topics, clusterIDs, topicIDs := make([]string, n), make([]string, n), make([]uuid.UUID, n)
	partitions, epochs := make([]int32, n), make([]int32, n)
	versions, positions, offsets := make([]int64, n), make([]int64, n), make([]int64, n)
	applied, skipped, parked := make([]int64, n), make([]int64, n), make([]int64, n)
	for i, m := range moves {
		topics[i], partitions[i], versions[i] = m.p.topic, m.p.number, m.p.saved.Version
		positions[i], offsets[i], epochs[i] = int64(m.to.Position), m.to.NextOffset, m.to.LeaderEpoch
		topicIDs[i], clusterIDs[i] = m.to.TopicID, m.to.ClusterID
		applied[i], skipped[i], parked[i] = int64(m.n.applied), int64(m.n.skipped), int64(m.n.parked)
	}
	return pgx.StrictNamedArgs{
		"consumer": consumer, "topics": topics, "partitions": partitions, "versions": versions, "positions": positions,
		"next_offsets": offsets, "topic_ids": topicIDs, "leader_epochs": epochs, "cluster_ids": clusterIDs,
		"applied": applied, "skipped": skipped, "parked": parked,
	}
}

// insertCheckpoint makes the first checkpoint of a partition.
func insertCheckpoint(ctx context.Context, tx pgx.Tx, consumer string, m move) error {
	inserted, err := tx.Exec(ctx, insertCheckpointSQL, checkpointArgs(consumer, m))
	if err != nil {
		return fmt.Errorf("insert checkpoint: %w", err)
	}
	if inserted.RowsAffected() == 0 {
		return errZombie
	}
	return nil
}

func checkpointArgs(consumer string, m move) pgx.StrictNamedArgs {
	return pgx.StrictNamedArgs{
		"consumer": consumer, "topic": m.p.topic, "partition": m.p.number,
		"position": m.to.Position, "next_offset": m.to.NextOffset,
		"topic_id": m.to.TopicID, "leader_epoch": m.to.LeaderEpoch, "cluster_id": m.to.ClusterID,
		"applied": m.n.applied, "skipped": m.n.skipped, "parked": m.n.parked,
	}
}
