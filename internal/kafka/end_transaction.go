package kafka

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// EndTransaction commits or aborts the transaction in hand, which has been flushed; written has a record of each topic that it wrote to.
//
// The client hands the records of a topic that is new to it to the broker a moment before it takes note of the topic's partitions
// (franz-go 1.22, storePartitionsUpdate). Its own EndTransaction looks there for partitions that were written to. In that moment it
// finds none: it aborts or does nothing, and returns no error; if it finds those of another topic, the next transaction fails. So it
// is called when the partitions can be found there.
func EndTransaction(ctx context.Context, client *kgo.Client, end kgo.TransactionEndTry, written ...*kgo.Record) error {
	for _, r := range written {
		for !knows(client, r) {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(time.Millisecond):
			}
		}
	}
	return client.EndTransaction(ctx, end)
}

// knows tells whether the client has taken note of a record's partition.
func knows(client *kgo.Client, r *kgo.Record) bool {
	leader, _, _ := client.PartitionLeader(r.Topic, r.Partition)
	return leader >= 0
}
