package kafka

import (
	"context"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ordo-platform/ordo/eventstore"
)

// Follow calls see with each event that comes to a topic from now on, of all partitions, in the order of each, until ctx
// ends. It belongs to no group and keeps no offset: events of a time when the brokers could not be reached may be lost to
// it, and records that are none are passed over. It is for hints; who has to see every event is a consumer.
func (c Config) Follow(ctx context.Context, topic string, see func(eventstore.Recorded)) error {
	cl, err := c.NewClient(
		kgo.ConsumeTopics(topic),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtEnd()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtEnd()),
		kgo.FetchIsolationLevel(isolation()),
		kgo.FetchMaxBytes(fetchMaxBytes),
		kgo.MaxConcurrentFetches(maxConcurrentFetches),
		kgo.MaxDecompressBatchBytes(maxDecompressedBytes),
	)
	if err != nil {
		return err
	}
	defer cl.Close()
	for ctx.Err() == nil {
		// The client tries again what fails, with growing pauses, and says so in the log.
		cl.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
			if _, e, err := Parse(r); err == nil {
				see(e)
			}
		})
	}
	return nil
}
