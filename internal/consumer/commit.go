package consumer

import (
	"context"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ordo-platform/ordo/internal/failpoint"
)

const (
	commitEvery   = time.Second
	commitTimeout = 2 * time.Second
)

// offsetCommits tells Kafka now and then how far the group is. Only tools that show the lag look at it, so nothing waits for
// it and no failure matters.
type offsetCommits struct {
	name   string // of the consumer
	client *kgo.Client

	mu      sync.Mutex
	pending map[string]map[int32]kgo.EpochOffset
}

func newOffsetCommits(name string, client *kgo.Client) *offsetCommits {
	return &offsetCommits{name: name, client: client, pending: map[string]map[int32]kgo.EpochOffset{}}
}

func (o *offsetCommits) add(topic string, partition int32, c checkpoint) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.pending[topic] == nil {
		o.pending[topic] = map[int32]kgo.EpochOffset{}
	}
	o.pending[topic][partition] = kgo.EpochOffset{Epoch: c.LeaderEpoch, Offset: c.NextOffset}
}

// drop forgets a partition that is another's now.
func (o *offsetCommits) drop(topic string, partition int32) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.pending[topic], partition)
}

// run commits until ctx ends, and then what is left.
func (o *offsetCommits) run(ctx context.Context) error {
	ticker := time.NewTicker(commitEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			o.commit(context.WithoutCancel(ctx))
			return nil
		case <-ticker.C:
			o.commit(ctx)
		}
	}
}

func (o *offsetCommits) commit(ctx context.Context) {
	o.mu.Lock()
	pending := o.pending
	o.pending = map[string]map[int32]kgo.EpochOffset{}
	o.mu.Unlock()
	if len(pending) == 0 {
		return
	}
	if failpoint.Hit(failpoint.ConsumerBeforeOffsetCommit, o.name) != nil {
		return // as if it had failed
	}
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	o.client.CommitOffsetsSync(ctx, pending, nil)
}
