package consumer_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ordo-platform/ordo/eventstore"
)

// Lag counts what is stored, not what is on the topic: with a dead relay, it grows. A member shows that it lives, and a loop
// that does not turn any more is noticed although nothing is behind.
func TestLagAndHeartbeat(t *testing.T) {
	t.Parallel()
	f := setup(t)
	hang := make(chan struct{})
	c := f.withLog(f.config(handler{before: func(_ context.Context, _ pgx.Tx, events []eventstore.Recorded) error {
		if events[0].Position == 21 {
			<-hang // deaf to its context
		}
		return nil
	}}))
	c.BatchTimeout = 100 * time.Millisecond
	member, _ := f.start(t, c)
	t.Cleanup(func() { close(hang) }) // before it is told to stop
	f.publish(t, f.append(12)...)
	f.append(8) // stored, and not published
	f.awaitApplied(t, 12)
	f.await(t, "the lag", func() bool {
		lag := member.Status().Lag[f.topic()]
		return lag.Head == 20 && lag.Events == 8 && lag.First == 13 && !lag.Oldest.IsZero()
	})
	f.await(t, "a sign of life", func() bool {
		return f.count(t, "SELECT count(*) FROM consumer_members WHERE partitions = 4 AND error = ''") == 1
	})
	f.publish(t, f.log[12:]...)
	f.await(t, "no lag", func() bool { lag := member.Status().Lag[f.topic()]; return lag.Head == 20 && lag.Events == 0 })
	if err := member.Status().Err(); err != nil {
		t.Error(err)
	}
	f.publish(t, f.append(1)...)
	f.await(t, "the alarm", func() bool {
		err := member.Status().Err()
		return err != nil && strings.Contains(err.Error(), "no sign of life")
	})
}

func TestMemberSignsOff(t *testing.T) {
	t.Parallel()
	f := setup(t)
	_, stop := f.start(t, f.config(handler{}))
	f.await(t, "a sign of life", func() bool { return f.count(t, "SELECT count(*) FROM consumer_members") == 1 })
	stop()
	if n := f.count(t, "SELECT count(*) FROM consumer_members"); n != 0 {
		t.Errorf("%d members after the stop", n)
	}
}
