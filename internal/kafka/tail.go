package kafka

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Tail is the end of a partition as read-committed readers see it.
type Tail struct {
	Start int64       // offset of the first record that is kept
	End   int64       // offset after the last one that is decided: committed, aborted or a marker
	Last  *kgo.Record // last record that was accepted, nil if there is none
}

const (
	tailSpan      = 64      // offsets looked at first, back from the end
	tailGrowth    = 16      // factor between one look and the next, further back
	tailMaxBytes  = 4 << 20 // of one fetch
	tailMaxWaitMs = 500
)

// ReadTails finds the last committed record of every partition of a topic that accept says yes to. Partitions are in order
// from 0.
//
// It fetches by offset instead of consuming: what is at the end of a partition may be markers and aborted records, which a
// consumer never returns, so a consumer cannot tell "nothing yet" from "nothing more".
func ReadTails(ctx context.Context, cl *kgo.Client, topic string, accept func(*kgo.Record) bool) ([]Tail, error) {
	admin := kadm.NewClient(cl)
	described, found, err := DescribeTopic(ctx, cl, topic)
	if err == nil && !found {
		err = kerr.UnknownTopicOrPartition
	}
	if err != nil {
		return nil, fmt.Errorf("tails of %s: %w", topic, err)
	}
	starts, err := offsets(ctx, admin.ListStartOffsets, topic)
	if err != nil {
		return nil, err
	}
	ends, err := offsets(ctx, admin.ListCommittedOffsets, topic)
	if err != nil {
		return nil, err
	}
	tails := make([]Tail, len(described.Leaders))
	for i, leader := range described.Leaders {
		f := fetcher{client: cl, topic: topic, id: described.ID, partition: int32(i), leader: leader}
		tails[i], err = f.tail(ctx, starts[f.partition].Offset, ends[f.partition].Offset, accept)
		if err != nil {
			return nil, fmt.Errorf("tail of %s/%d: %w", topic, i, err)
		}
	}
	return tails, nil
}

func offsets(ctx context.Context, list func(context.Context, ...string) (kadm.ListedOffsets, error), topic string) (map[int32]kadm.ListedOffset, error) {
	listed, err := list(ctx, topic)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("offsets of %s: %w", topic, err)
	}
	return listed[topic], nil
}

// fetcher reads one partition by offset.
type fetcher struct {
	client    *kgo.Client
	topic     string
	id        [16]byte
	partition int32
	leader    int32
}

func (f fetcher) tail(ctx context.Context, start, end int64, accept func(*kgo.Record) bool) (Tail, error) {
	t := Tail{Start: start, End: end}
	for span := int64(tailSpan); start < end; span *= tailGrowth {
		from := max(start, end-span)
		last, err := f.last(ctx, from, end, accept)
		if err != nil {
			return Tail{}, err
		}
		if last != nil || from == start {
			t.Last = last
			break
		}
	}
	return t, nil
}

// last returns the last accepted record among offsets from..end-1.
func (f fetcher) last(ctx context.Context, from, end int64, accept func(*kgo.Record) bool) (*kgo.Record, error) {
	var last *kgo.Record
	for from < end {
		records, next, err := f.fetch(ctx, from)
		if err != nil {
			return nil, err
		}
		for _, r := range records {
			if r.Offset < end && accept(r) {
				last = r
			}
		}
		if next <= from {
			return nil, fmt.Errorf("fetch at %d returned nothing before %d", from, end)
		}
		from = next
	}
	return last, nil
}

// fetch returns the committed records at an offset, and the offset after them.
func (f fetcher) fetch(ctx context.Context, offset int64) ([]*kgo.Record, int64, error) {
	req := kmsg.NewPtrFetchRequest()
	req.MaxWaitMillis = tailMaxWaitMs
	req.MinBytes = 1
	req.MaxBytes = tailMaxBytes
	req.IsolationLevel = 1 // read committed: the answer names the aborted transactions, which are filtered below
	topic := kmsg.NewFetchRequestTopic()
	topic.Topic = f.topic
	topic.TopicID = f.id
	partition := kmsg.NewFetchRequestTopicPartition()
	partition.Partition = f.partition
	partition.FetchOffset = offset
	partition.PartitionMaxBytes = tailMaxBytes
	topic.Partitions = append(topic.Partitions, partition)
	req.Topics = append(req.Topics, topic)

	answer, err := f.client.Broker(int(f.leader)).RetriableRequest(ctx, req)
	if err != nil {
		return nil, 0, err
	}
	resp, ok := answer.(*kmsg.FetchResponse)
	if !ok {
		return nil, 0, fmt.Errorf("fetch answered with %T", answer)
	}
	if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
		return nil, 0, err
	}
	if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return nil, 0, fmt.Errorf("fetch answered for %d topics", len(resp.Topics))
	}
	opts := kgo.ProcessFetchPartitionOpts{Offset: offset, IsolationLevel: kgo.ReadCommitted(), Topic: f.topic, Partition: f.partition}
	fetched, next := kgo.ProcessFetchPartition(opts, &resp.Topics[0].Partitions[0], kgo.DefaultDecompressor(), nil)
	return fetched.Records, next, fetched.Err
}
