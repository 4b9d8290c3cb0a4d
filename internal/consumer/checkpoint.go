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

// moveCheckpoints queues statements that replace checkpoints by others. The batch fails with errZombie when one to be replaced is
// not there any more.
func moveCheckpoints(b *pgx.Batch, consumer string, moves []move) {
	var known []move
	for _, m := range moves {
		if m.p.saved.Version > 0 {
			known = append(known, m)
		} else {
			b.Queue(insertCheckpointSQL, checkpointArgs(consumer, m)).Exec(affects(1))
		}
	}
	switch {
	case len(known) == 0:
	case failpoint.Is(failpoint.NoOffsetGuard):
		b.Queue(strings.Replace(moveCheckpointsSQL, "AND c.version = m.version", "", 1), moveArgs(consumer, known))
	case len(known) == 1:
		args := checkpointArgs(consumer, known[0])
		args["version"] = known[0].p.saved.Version
		b.Queue(moveCheckpointSQL, args).Exec(affects(1))
	default:
		b.Queue(moveCheckpointsSQL, moveArgs(consumer, known)).Exec(affects(len(known)))
	}
}

// affects fails with errZombie unless a statement has changed so many rows.
func affects(want int) func(pgconn.CommandTag) error {
	return func(tag pgconn.CommandTag) error {
		if tag.RowsAffected() < int64(want) {
			return errZombie
		}
		return nil
	}
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

func checkpointArgs(consumer string, m move) pgx.StrictNamedArgs {
	return pgx.StrictNamedArgs{
		"consumer": consumer, "topic": m.p.topic, "partition": m.p.number,
		"position": m.to.Position, "next_offset": m.to.NextOffset,
		"topic_id": m.to.TopicID, "leader_epoch": m.to.LeaderEpoch, "cluster_id": m.to.ClusterID,
		"applied": m.n.applied, "skipped": m.n.skipped, "parked": m.n.parked,
	}
}
