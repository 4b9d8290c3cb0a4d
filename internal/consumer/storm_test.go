package consumer_test

import (
	"testing"
	"time"

	"github.com/ordo-platform/ordo/internal/consumer"
)

// Members join and leave every 100 ms while events come: nothing is applied twice, out of order or not at all, and what is
// parked stays in order as well.
func TestRebalanceStorm(t *testing.T) {
	t.Parallel()
	f := setup(t)
	bad := newPoison(refuse, 50)
	c := f.config(bad.handler())
	c.MaxAttempts = 2
	f.start(t, c)
	for i := range 30 {
		f.publish(t, f.append(10)...)
		_, stop := f.start(t, c)
		select {
		case <-f.ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
		if i%3 > 0 { // so that there are several now and then
			stop()
		}
	}
	f.awaitApplied(t, 299)
	f.awaitParked(t, 1)
	f.checkExact(t, 50)
	f.checkSums(t)
}

// How a consumer is doing can be told from the databases alone.
func TestReport(t *testing.T) {
	t.Parallel()
	f := setup(t)
	bad := newPoison(refuse, 2)
	c := f.config(bad.handler())
	c.MaxAttempts = 1
	f.publish(t, f.append(8)...)
	f.start(t, c)
	f.awaitApplied(t, 7)
	f.append(3) // not published
	f.await(t, "the report", func() bool {
		r, err := consumer.NewReport(f.ctx, f.pool, f.name, f.topic(), source{fixture: f})
		return err == nil && r.Position == 8 && r.Behind.Events == 3 && r.Behind.First == 9 && r.Parked == 1 && r.Members == 1 && r.BeatAt != nil && r.Error == ""
	})
}
