package consumer_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/ordo-platform/ordo/eventstore"
)

// One event that cannot be applied keeps back what comes after it in its partition, not what came before it in the same poll.
func TestEventsBeforeAPoisonEventAreApplied(t *testing.T) {
	t.Parallel()
	f := setup(t)
	var healthy atomic.Bool
	f.publish(t, f.append(80)...)
	config := f.config(handler{before: func(_ context.Context, _ pgx.Tx, events []eventstore.Recorded) error {
		for _, e := range events {
			if e.Position == 57 && !healthy.Load() {
				return errors.New("poison")
			}
		}
		return nil
	}})
	config.MaxPoll, config.MaxAttempts = 1000, 1<<30
	member, _ := f.start(t, config)
	f.await(t, "all that can be applied", func() bool {
		p := in(member, 1)
		return p.Position == 53 && p.Attempts > 0
	})
	f.awaitApplied(t, 60+14)
	healthy.Store(true)
	f.awaitApplied(t, 80)
	f.publish(t, f.append(20)...)
	f.awaitApplied(t, 100)
	f.checkExact(t)
}
