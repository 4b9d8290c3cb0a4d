package consumer

import (
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/kafka"
)

// batch is what to do next in a partition: items in order, then move to the end.
type batch struct {
	records []*kgo.Record // what it was made of; end.taken of them are done with when it is
	items   []item
	base    place // where it begins
	end     place // behind trailing records that are skipped

	refilled bool // from the log of the service, not from the topic
}

// item is one event, or a record that is none, and where the partition stands after it.
type item struct {
	event  eventstore.Recorded
	offset int64       // of its record, -1 for a refilled event
	junk   *kgo.Record // instead of the event
	cause  *failure    // why it is to be parked and not applied; always there for junk
	after  place
	passed bool // not looked at: only failpoint.SkipUnknown does that
}

// place is how far a batch has come.
type place struct {
	position eventstore.Position
	offset   int64 // of the record after
	epoch    int32
	taken    int // records of the batch so far
	skipped  int // those of them that were applied before
}

func (p *partition) here() place {
	return place{position: p.saved.Position, offset: p.saved.NextOffset, epoch: p.saved.LeaderEpoch}
}

// sift takes from the records of a poll what is new, up to the first hole.
func (p *partition) sift(c *Config) (*batch, *HoleError) {
	b := &batch{records: p.rest, items: make([]item, 0, len(p.rest)), base: p.here(), end: p.here()}
	for _, r := range p.rest {
		_, e, err := kafka.Parse(r)
		next := b.end
		next.offset, next.epoch = r.Offset+1, r.LeaderEpoch
		next.taken++
		cause := p.junk[r.Offset]
		if err != nil {
			cause = c.newFailure(ClassBadEnvelope, err, "", 1, noTime)
		}
		switch {
		case cause != nil:
			// If it was to be an event, the next one reveals the hole, and the log has it.
			b.items = append(b.items, item{junk: r, offset: r.Offset, cause: cause, after: next})
		case e.Position <= b.end.position:
			next.skipped++
		case e.Prev != b.end.position:
			return b, &HoleError{
				Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Last: b.end.position, Prev: e.Prev, Position: e.Position, event: e,
			}
		default:
			next.position = e.Position
			b.items = append(b.items, item{event: e, offset: r.Offset, after: next})
		}
		b.end = next
	}
	return b, nil
}

// maxBatchBytes bounds the data of the events in one transaction; one event may be larger.
const maxBatchBytes = 4 << 20

// cut returns the part of a batch to apply now, n items at most unless n is 0, and what is left for later.
func (b *batch) cut(n int) (now, later *batch) {
	if n <= 0 {
		n = len(b.items)
	}
	bytes := 0
	for i, it := range b.items {
		if bytes += len(it.event.Data); i > 0 && (i >= n || bytes > maxBatchBytes) {
			middle := b.items[i-1].after
			return &batch{records: b.records, items: b.items[:i], base: b.base, end: middle, refilled: b.refilled},
				&batch{records: b.records, items: b.items[i:], base: middle, end: b.end, refilled: b.refilled}
		}
	}
	return b, nil
}
