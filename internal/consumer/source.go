package consumer

import (
	"bytes"
	"context"
	"fmt"

	"github.com/ordo-platform/ordo/eventstore"
)

// Source is the log of a service, from which a consumer refills what its topic has lost, and learns how far behind it is.
type Source interface {
	// ReadPartition returns events of one partition after a position and up to another, in order, at most limit. An empty answer means
	// that there are none.
	ReadPartition(ctx context.Context, partition int32, after, upTo eventstore.Position, limit int) ([]eventstore.Recorded, error)

	// Unseen tells what a reader has yet to see that has seen partition p up to seen[p].
	Unseen(ctx context.Context, seen []eventstore.Position) (eventstore.Unseen, error)
}

// refillPage is how many events are refilled in one transaction.
const refillPage = 200

// refill makes a batch of what is missing before the record that revealed a hole. Nothing is believed that does not fit:
// each event must follow the one before. Found is false if the log does not have what the record says came before it.
func (s *session) refill(ctx context.Context, p *partition, hole *HoleError) (b *batch, found bool, err error) {
	events, err := s.consumer.cfg.Sources[p.topic].ReadPartition(ctx, p.number, hole.Last, hole.Prev, refillPage)
	if err != nil {
		return nil, false, fmt.Errorf("refill after %d: %w", hole.Last, err)
	}
	b = &batch{records: p.rest, base: p.here(), end: p.here(), refilled: true}
	for _, e := range events {
		if e.Partition != p.number || e.Prev != b.end.position || e.Position <= b.end.position || e.Position > hole.Prev {
			return nil, false, nil
		}
		b.end.position = e.Position
		b.items = append(b.items, item{event: e, offset: -1, after: b.end})
	}
	return b, len(b.items) > 0, nil
}

// isForeign tells whether an event from the topic is not what the log has in its place: then somebody else has written it.
// A consumer without a log to ask believes its topic.
func (s *session) isForeign(ctx context.Context, p *partition, e eventstore.Recorded) (bool, error) {
	source := s.consumer.cfg.Sources[p.topic]
	if source == nil {
		return false, nil
	}
	found, err := source.ReadPartition(ctx, p.number, e.Position-1, e.Position, 1)
	if err != nil {
		return false, fmt.Errorf("look for event %d in the log: %w", e.Position, err)
	}
	return len(found) != 1 || found[0].ID != e.ID || found[0].Prev != e.Prev || !bytes.Equal(found[0].Data, e.Data), nil
}

// ForeignError says that an event on a topic is not in the log of the service.
type ForeignError struct {
	Topic     string
	Partition int32
	Offset    int64
	Position  eventstore.Position
}

func (e *ForeignError) Error() string {
	return fmt.Sprintf("record %s/%d@%d: foreign: the log has another event at position %d, or none", e.Topic, e.Partition, e.Offset, e.Position)
}
