package consumer_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ordo-platform/ordo/eventstore"
)

// What comes in several partitions at once is one transaction; if that fails, each partition's share is one, and what is wrong
// with one of them holds up that one alone.
func TestPartitionsShareATransaction(t *testing.T) {
	t.Parallel()
	f := setup(t)
	const bad = 1 // the partition
	var shared, refused atomic.Int32
	var broken atomic.Bool
	broken.Store(true)
	c := f.config(handler{before: func(_ context.Context, _ pgx.Tx, events []eventstore.Recorded) error {
		seen := map[int32]bool{}
		for _, e := range events {
			seen[e.Partition] = true
		}
		if len(seen) > 1 {
			shared.Add(1)
		}
		if seen[bad] && broken.Load() {
			refused.Add(1)
			return errors.New("not now")
		}
		return nil
	}})
	c.MaxAttempts = 1000
	f.publish(t, f.append(10*partitions)...)
	f.start(t, c)
	f.awaitApplied(t, 10*(partitions-1))
	f.await(t, "the bad one to be tried again", func() bool { return refused.Load() > 1 })
	broken.Store(false)
	f.awaitApplied(t, len(f.log))
	f.checkExact(t)
	for n := shared.Load(); shared.Load() == n; { // how many come at once is up to the broker
		f.publish(t, f.append(partitions)...)
		f.awaitApplied(t, len(f.log))
	}
	f.checkExact(t)
	var most int
	err := f.pool.QueryRow(f.ctx, "SELECT max(n) FROM (SELECT count(DISTINCT partition) AS n FROM applied GROUP BY xmin::text) AS t").Scan(&most)
	if err != nil || most < 2 {
		t.Errorf("at most %d partitions in one transaction, %v", most, err)
	}
}

// A transaction of several partitions that is too slow is not tried again and again: each of them goes on alone.
func TestWhatIsTooMuchForOneTransaction(t *testing.T) {
	t.Parallel()
	f := setup(t)
	var slow atomic.Int32
	c := f.config(handler{before: func(ctx context.Context, _ pgx.Tx, events []eventstore.Recorded) error {
		for _, e := range events {
			if e.Partition != events[0].Partition {
				slow.Add(1)
				<-ctx.Done()
				return ctx.Err()
			}
		}
		return nil
	}})
	c.BatchTimeout, c.MaxAttempts = 1500*time.Millisecond, 1000
	f.start(t, c)
	for slow.Load() == 0 { // how many come at once is up to the broker
		f.publish(t, f.append(partitions)...)
		f.awaitApplied(t, len(f.log)-partitions)
	}
	for range 10 {
		f.publish(t, f.append(partitions)...)
		f.awaitApplied(t, len(f.log))
	}
	f.checkExact(t)
	if n := slow.Load(); n != 1 {
		t.Errorf("tried %d times", n)
	}
}
