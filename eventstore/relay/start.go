package relay

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/failpoint"
	"github.com/ordo-platform/ordo/internal/kafka"
)

// origin is where a session goes on: it reads the log after a position, and leaves out in each partition what is at or
// before the partition's tail.
type origin struct {
	after eventstore.Position
	tails []eventstore.Position
	found bool // a checkpoint says at least this; otherwise the first transaction has to write one

	// cluster is the id of the cluster. One that forgets everything when it stops has another id after each start.
	cluster string
}

// start fences and then reads how far the log has been published.
func (r *Relay) start(ctx context.Context, client *kgo.Client) (origin, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if failpoint.Is(failpoint.CheckpointBeforeFence) {
		from, err := r.published(ctx, client)
		return from, errors.Join(err, r.fence(ctx, client))
	}
	if err := r.fence(ctx, client); err != nil {
		return origin{}, err
	}
	r.warnOfOldBrokers(ctx, client)
	return r.published(ctx, client)
}

// fence raises the epoch of the transactional id, by asking for the producer id: the brokers end what an older client left
// open, and refuse all it still sends. What is read before this may change afterwards.
func (r *Relay) fence(ctx context.Context, client *kgo.Client) error {
	if err := failpoint.Hit(failpoint.RelayBeforeFence, r.cfg.Service); err != nil {
		return err
	}
	id, _, err := client.ProducerID(ctx)
	if err != nil {
		return fmt.Errorf("fence: %w", err)
	}
	if id < 0 {
		return fmt.Errorf("fence: the brokers know no transactions")
	}
	return failpoint.Hit(failpoint.RelayAfterFence, r.cfg.Service)
}

// published finds out how far the log has been published.
func (r *Relay) published(ctx context.Context, client *kgo.Client) (origin, error) {
	checkpoint, found, err := kafka.LastCheckpoint(ctx, client, r.cfg.Service)
	if err != nil {
		return origin{}, fmt.Errorf("read checkpoint: %w", err)
	}
	described, _, err := kafka.DescribeTopic(ctx, client, kafka.EventsTopic(r.cfg.Service))
	if err != nil {
		return origin{}, err
	}
	tails, err := r.readTails(ctx, client)
	if err != nil {
		return origin{}, err
	}
	if !found {
		if checkpoint.Position, err = r.cfg.StartAt(ctx); err != nil {
			return origin{}, fmt.Errorf("where to start: %w", err)
		}
		checkpoint.Tails = make([]eventstore.Position, r.cfg.Partitions)
	}
	if len(checkpoint.Tails) != r.cfg.Partitions {
		return origin{}, &kafka.PartitionCountError{Topic: kafka.RelayTopic(r.cfg.Service), Want: r.cfg.Partitions, Have: len(checkpoint.Tails)}
	}
	from := resume(checkpoint, tails)
	from.found, from.cluster = found, described.ClusterID
	return from, r.checkHistory(ctx, max(checkpoint.Position, slices.Max(from.tails)), checkpoint.Chain)
}

// warnOfOldBrokers tells of brokers whose transactions have a known hole: a request of a producer that is long fenced, delayed
// on its way, can still get into a transaction of its successor. From version 2 on each transaction has an epoch of its own.
func (r *Relay) warnOfOldBrokers(ctx context.Context, client *kgo.Client) {
	version, err := kafka.TransactionVersion(ctx, client)
	if err == nil && version < kafka.SafeTransactionVersion {
		r.cfg.Logger.WarnContext(ctx, "the brokers' transactions are of an old version: use Kafka 4.0 or newer, and raise the feature transaction.version",
			"version", version, "want", kafka.SafeTransactionVersion)
	}
}

// tail is how far a partition was published.
type tail struct {
	position eventstore.Position
	trimmed  bool // nothing can be said: what was there has been removed by age or size
}

func (r *Relay) readTails(ctx context.Context, client *kgo.Client) ([]tail, error) {
	topic := kafka.EventsTopic(r.cfg.Service)
	read, err := kafka.ReadTails(ctx, client, topic, func(record *kgo.Record) bool {
		_, _, err := kafka.Parse(record)
		return err == nil
	})
	if err != nil {
		return nil, err
	}
	if len(read) != r.cfg.Partitions {
		return nil, &kafka.PartitionCountError{Topic: topic, Want: r.cfg.Partitions, Have: len(read)}
	}
	tails := make([]tail, len(read))
	for i, t := range read {
		if t.Last == nil {
			tails[i].trimmed = t.Start > 0
			continue
		}
		_, e, err := kafka.Parse(t.Last)
		if err != nil {
			return nil, err
		}
		tails[i].position = e.Position
	}
	return tails, nil
}

// resume finds where to go on from the last checkpoint and from what the partitions really hold. They agree, unless a broker
// tore a transaction or lost the end of a partition: then reading starts where the shortest partition ends, and the
// others leave out what they have.
func resume(checkpoint kafka.Checkpoint, tails []tail) origin {
	from := origin{after: checkpoint.Position, tails: make([]eventstore.Position, len(tails))}
	for i, t := range tails {
		if t.trimmed {
			t.position = checkpoint.Tails[i]
		}
		from.tails[i] = t.position
		if t.position < checkpoint.Tails[i] {
			from.after = min(from.after, t.position)
		}
	}
	return from
}

// checkHistory refuses a log that is not the one that was published: it ends before that, or has other events up to there.
func (r *Relay) checkHistory(ctx context.Context, published eventstore.Position, chain eventstore.Link) error {
	head, err := r.cfg.Log.Head(ctx)
	if err != nil {
		return fmt.Errorf("head of the log: %w", err)
	}
	refuse := func(reason string) error {
		return &HistoryError{Service: r.cfg.Service, Published: published, Head: head, Reason: reason}
	}
	if head < published {
		return refuse("it ends before what was published")
	}
	link, err := r.cfg.Log.LinkAt(ctx, chain.Position)
	if err != nil {
		return fmt.Errorf("link at %d: %w", chain.Position, err)
	}
	if link != chain {
		return refuse(fmt.Sprintf("its hash chain at %d is %.8s (of %d), published was %.8s", chain.Position, link.Hash, link.Position, chain.Hash))
	}
	return nil
}
