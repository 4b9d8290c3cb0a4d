package consumer

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/kafka"
)

// assign decides where newly assigned partitions start: where the database says. What Kafka has as the group's offset is
// overwritten. It runs beside the poll loop, which sees records of these partitions only after it has returned.
func (s *session) assign(ctx context.Context, offsets map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-s.ready:
	}
	for topic, partitions := range offsets {
		if len(partitions) == 0 {
			continue
		}
		at, err := s.locate(ctx, topic)
		if err != nil {
			return nil, err
		}
		parked, err := loadParkedKeys(ctx, s.consumer.cfg.Pool, s.consumer.cfg.Name, topic)
		if err != nil {
			return nil, err
		}
		numbers := make([]int32, 0, len(partitions))
		for number := range partitions {
			p := &partition{topic: topic, number: number, parked: parked[number], junk: map[int64]*failure{}}
			if p.parked == nil {
				p.parked = map[string]eventstore.Position{}
			}
			p.saved, partitions[number] = at.start(number)
			s.add(p)
			numbers = append(numbers, number)
		}
		s.client.ResumeFetchPartitions(map[string][]int32{topic: numbers}) // they may have been paused in an earlier life
	}
	return offsets, nil
}

// location is what is known about a topic and our place in it.
type location struct {
	topic       kafka.Topic
	checkpoints map[int32]checkpoint
	starts      map[int32]kadm.ListedOffset
	ends        map[int32]kadm.ListedOffset
}

func (s *session) locate(ctx context.Context, topic string) (l location, err error) {
	var found bool
	if l.topic, found, err = kafka.DescribeTopic(ctx, s.client, topic); err != nil {
		return location{}, err
	} else if !found {
		return location{}, fmt.Errorf("topic %s is gone", topic)
	}
	if l.checkpoints, err = loadCheckpoints(ctx, s.consumer.cfg.Pool, s.consumer.cfg.Name, topic); err != nil {
		return location{}, err
	}
	admin := kadm.NewClient(s.client)
	if l.starts, err = list(ctx, admin.ListStartOffsets, topic); err != nil {
		return location{}, err
	}
	l.ends, err = list(ctx, admin.ListEndOffsets, topic)
	return l, err
}

func list(ctx context.Context, offsets func(context.Context, ...string) (kadm.ListedOffsets, error), topic string) (map[int32]kadm.ListedOffset, error) {
	listed, err := offsets(ctx, topic)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("offsets of %s: %w", topic, err)
	}
	return listed[topic], nil
}

// start is where to read on in a partition. The saved offset counts only in the very topic it was saved for, and only while
// that topic still reaches so far. Else reading starts at the beginning: the position tells what was applied before.
func (l location) start(number int32) (checkpoint, kgo.Offset) {
	saved := l.checkpoints[number]
	known := saved.Version > 0 && saved.ClusterID == l.topic.ClusterID && saved.TopicID == l.topic.ID &&
		saved.NextOffset >= l.starts[number].Offset && saved.NextOffset <= l.ends[number].Offset
	offset := kgo.NewOffset().AtStart()
	if !known {
		saved.NextOffset, saved.LeaderEpoch = l.starts[number].Offset, -1
	} else {
		// With the epoch, the brokers notice that the end of the partition was lost and written anew.
		offset = kgo.NewOffset().At(saved.NextOffset).WithEpoch(saved.LeaderEpoch)
	}
	saved.ClusterID, saved.TopicID = l.topic.ClusterID, l.topic.ID
	return saved, offset
}
