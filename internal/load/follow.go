package load

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/internal/client"
	"github.com/ordo-platform/ordo/internal/kafka"
)

// ends are the events after which an order moves no more by itself.
var ends = map[string]client.Status{
	order.Confirmed{}.EventType(): client.StatusConfirmed,
	order.Rejected{}.EventType():  client.StatusRejected,
	order.Cancelled{}.EventType(): client.StatusCancelled,
	order.Shipped{}.EventType():   client.StatusShipped,
}

// follower reads the topic of orders from where it was when it began.
type follower struct {
	client *kgo.Client
	cancel context.CancelFunc
	done   sync.WaitGroup

	mu     sync.Mutex
	failed error
}

// follow tells of every order that ends from now on, until close.
func follow(ctx context.Context, brokers []string, ended func(id string, status client.Status, at time.Time)) (*follower, error) {
	topic := kafka.EventsTopic("orders")
	admin, err := kafka.Config{Brokers: brokers}.NewClient()
	if err != nil {
		return nil, err
	}
	defer admin.Close()
	listed, err := kadm.NewClient(admin).ListCommittedOffsets(ctx, topic)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, err
	}
	from := map[int32]kgo.Offset{}
	listed.Each(func(o kadm.ListedOffset) { from[o.Partition] = kgo.NewOffset().At(o.Offset) })
	cl, err := kafka.Config{Brokers: brokers}.NewClient(
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: from}),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()), // a topic made anew is an error, not a reason to miss orders
		kgo.FetchMaxWait(100*time.Millisecond),
	)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	f := &follower{client: cl, cancel: cancel}
	f.done.Go(func() { f.run(ctx, ended) })
	return f, nil
}

func (f *follower) run(ctx context.Context, ended func(string, client.Status, time.Time)) {
	for {
		fetched := f.client.PollFetches(ctx)
		if ctx.Err() != nil || fetched.IsClientClosed() {
			return
		}
		at := time.Now()
		var errs []error
		fetched.EachError(func(topic string, partition int32, err error) {
			errs = append(errs, fmt.Errorf("%s/%d: %w", topic, partition, err))
		})
		fetched.EachRecord(func(r *kgo.Record) {
			_, e, err := kafka.Parse(r)
			if err != nil {
				errs = append(errs, err)
				return
			}
			if status, ok := ends[e.Type]; ok {
				ended(e.Stream.Key(), status, at)
			}
		})
		if len(errs) > 0 {
			f.mu.Lock()
			f.failed = errors.Join(errs...)
			f.mu.Unlock()
			return
		}
	}
}

func (f *follower) err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.failed
}

func (f *follower) close() {
	f.cancel()
	f.done.Wait()
	f.client.Close()
}
