package consumer_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/consumer"
	"github.com/ordo-platform/ordo/internal/kafka"
)

// checkpoint publishes the relay's checkpoint at the end of the log.
func (f *fixture) checkpoint(t *testing.T) {
	t.Helper()
	f.write(t, kafka.CheckpointRecord(f.service, kafka.Checkpoint{
		Position: eventstore.Position(len(f.log)), Tails: slices.Clone(f.tails[:]),
	}))
}

func (f *fixture) startWaiter(t *testing.T, c consumer.WaiterConfig) *consumer.Waiter {
	t.Helper()
	c.Services, c.Pool, c.Brokers = []string{f.service}, f.pool, f.brokers
	w, err := consumer.NewWaiter(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(f.ctx)
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return w
}

func setupWaiter(t *testing.T) *fixture {
	f := setup(t)
	if err := kafka.EnsureTopics(f.ctx, f.client, kafka.RelayTopicSpec(f.service, 1)); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestWaitFor(t *testing.T) {
	t.Parallel()
	for what, woken := range map[string]bool{"woken": true, "polling": false} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			f := setupWaiter(t)
			var late, others []eventstore.Recorded
			for _, e := range f.append(10) {
				if e.Partition == 3 {
					late = append(late, e)
				} else {
					others = append(others, e)
				}
			}
			f.publish(t, others...)
			f.checkpoint(t) // before the waiter starts
			poll := time.Hour
			if !woken {
				poll = time.Millisecond
			}
			w := f.startWaiter(t, consumer.WaiterConfig{Poll: poll})
			if err := w.WaitFor(f.ctx, f.name, f.service, 0); err != nil {
				t.Error(err)
			}
			c := f.config(handler{before: func(ctx context.Context, _ pgx.Tx, _ []eventstore.Recorded) error {
				if woken {
					consumer.AfterCommit(ctx, w.Wake)
				}
				return nil
			}})
			f.start(t, c)
			var waits sync.WaitGroup
			for position := range eventstore.Position(10) {
				waits.Go(func() {
					if err := w.WaitFor(f.ctx, f.name, f.service, position+1); err != nil {
						t.Error(err)
					}
					if n := len(f.applied(t)); n != 10 {
						t.Errorf("position %d: %d events applied", position+1, n)
					}
				})
			}
			f.awaitApplied(t, len(others))
			f.publish(t, late...)
			waits.Wait()

			f.publish(t, f.append(10)...)
			f.checkpoint(t) // while it runs
			if err := w.WaitFor(f.ctx, f.name, f.service, 15); err != nil {
				t.Error(err)
			}
			if n := len(f.applied(t)); n != 20 {
				t.Errorf("%d events applied", n)
			}
			if err := w.WaitFor(f.ctx, f.name, "payments", 1); err == nil {
				t.Error("waited for a service that is not followed")
			}
		})
	}
}

func TestWaitForEndsWithItsContext(t *testing.T) {
	t.Parallel()
	f := setupWaiter(t)
	f.publish(t, f.append(10)...)
	f.checkpoint(t)
	w := f.startWaiter(t, consumer.WaiterConfig{})
	for what, position := range map[string]eventstore.Position{"no consumer": 5, "beyond the head": 11} {
		ctx, cancel := context.WithTimeout(f.ctx, 30*time.Millisecond)
		if err := w.WaitFor(ctx, f.name, f.service, position); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", what, err)
		}
		cancel()
	}
}

// After the broker was made anew, checkpoints begin again; waits for what was published before and after must still end.
func TestWaiterSurvivesANewTopic(t *testing.T) {
	t.Parallel()
	f := setupWaiter(t)
	f.publish(t, f.append(10)...)
	f.checkpoint(t)
	w := f.startWaiter(t, consumer.WaiterConfig{Poll: time.Millisecond})
	f.start(t, f.config(handler{}))
	if err := w.WaitFor(f.ctx, f.name, f.service, 10); err != nil {
		t.Fatal(err)
	}
	f.deleteTopic(t, kafka.RelayTopic(f.service))
	f.makeTopic(t)
	if err := kafka.EnsureTopics(f.ctx, f.client, kafka.RelayTopicSpec(f.service, 1)); err != nil {
		t.Fatal(err)
	}
	f.write(t, kafka.CheckpointRecord(f.service, kafka.Checkpoint{Position: 4, Tails: make([]eventstore.Position, partitions)}))
	f.append(10)
	f.publish(t, f.log...)
	f.checkpoint(t)
	for _, position := range []eventstore.Position{7, 20} {
		if err := w.WaitFor(f.ctx, f.name, f.service, position); err != nil {
			t.Error(err)
		}
	}
	f.checkExact(t)
}
