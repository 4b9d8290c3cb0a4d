package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Topic is what the brokers say about a topic.
type Topic struct {
	ClusterID string
	ID        uuid.UUID // another one after the topic was made anew
	Leaders   []int32   // node that leads each partition, in order from 0
}

// SafeTransactionVersion is the version of the brokers' transaction protocol from which on every transaction has an epoch of
// its own (Kafka 4.0).
const SafeTransactionVersion = 2

// TransactionVersion asks the brokers which version of the transaction protocol they have agreed on, 0 for the oldest.
func TransactionVersion(ctx context.Context, cl *kgo.Client) (int16, error) {
	req := kmsg.NewPtrApiVersionsRequest()
	req.ClientSoftwareName, req.ClientSoftwareVersion = "ordo", "1"
	resp, err := req.RequestWith(ctx, cl)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
		return 0, fmt.Errorf("version of transactions: %w", err)
	}
	for _, feature := range resp.FinalizedFeatures {
		if feature.Name == "transaction.version" {
			return feature.MaxVersionLevel, nil
		}
	}
	return 0, nil
}

// DescribeTopic asks the brokers about a topic. The client's own helpers may answer from a cache, and so with the id of a
// topic that is gone. Found is false when there is no such topic.
func DescribeTopic(ctx context.Context, cl *kgo.Client, name string) (t Topic, found bool, err error) {
	req := kmsg.NewPtrMetadataRequest()
	topic := kmsg.NewMetadataRequestTopic()
	topic.Topic = &name
	req.Topics = append(req.Topics, topic)
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return Topic{}, false, fmt.Errorf("describe topic %s: %w", name, err)
	}
	if len(resp.Topics) != 1 {
		return Topic{}, false, fmt.Errorf("describe topic %s: answer for %d topics", name, len(resp.Topics))
	}
	answer := resp.Topics[0]
	if err := kerr.ErrorForCode(answer.ErrorCode); errors.Is(err, kerr.UnknownTopicOrPartition) {
		return Topic{}, false, nil
	} else if err != nil {
		return Topic{}, false, fmt.Errorf("describe topic %s: %w", name, err)
	}
	t = Topic{ID: answer.TopicID, Leaders: make([]int32, len(answer.Partitions))}
	if resp.ClusterID != nil {
		t.ClusterID = *resp.ClusterID
	}
	for _, p := range answer.Partitions {
		if p.Partition < 0 || int(p.Partition) >= len(t.Leaders) {
			return Topic{}, false, fmt.Errorf("describe topic %s: partition %d of %d", name, p.Partition, len(t.Leaders))
		}
		t.Leaders[p.Partition] = p.Leader
	}
	return t, true, nil
}
