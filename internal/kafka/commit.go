package kafka

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Commit commits the transaction in hand, which has been flushed and has written a record.
//
// The client hands the records of a topic that is new to it to the broker a moment before it takes note of the topic's partitions
// (franz-go 1.22, storePartitionsUpdate). EndTransaction looks there for partitions that were written to: in that moment it finds
// none, aborts, and returns no error. So it is called when the partition of the record can be found there.
func Commit(ctx context.Context, client *kgo.Client, written *kgo.Record) error {
	for {
		if leader, _, _ := client.PartitionLeader(written.Topic, written.Partition); leader >= 0 {
			return client.EndTransaction(ctx, kgo.TryCommit)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Millisecond):
		}
	}
}
