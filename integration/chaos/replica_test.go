package chaos

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/ordo-platform/ordo/integration/judge"
)

// A lease lasts ten seconds, and so do memberships and transactions: who is silent for longer has lost all three.
const silence = 13 * time.Second

// TestTakeover: of two replicas one publishes. When it is killed, the other does within 15 seconds; when it stops, within 2.
func TestTakeover(t *testing.T) {
	onlyInFull(t)
	t.Parallel()
	w, books := open(t)
	first := w.start(setup{place: 0})
	first.ready()
	second := w.start(setup{place: 1})
	second.ready()
	stop := books.Load(t, pace, w.url(0), w.url(1))

	first.kill()
	t.Logf("after kill -9 another publishes within %s", w.publishesAgain(t, 15*time.Second))
	third := w.start(setup{place: 0})
	third.ready()
	second.stop()
	// The promise is 2 s. The machine of a test may be busy.
	t.Logf("after a clean stop another publishes within %s", w.publishesAgain(t, 5*time.Second))
	stop()
	w.settleWith(third, books)
}

// publishesAgain is how long it takes until a new holder of the lease has published something.
func (w *world) publishesAgain(t *testing.T, limit time.Duration) time.Duration {
	t.Helper()
	began, before := time.Now(), w.epoch()
	var end int64
	if !judge.Within(t, 2*limit, func() bool {
		if end == 0 && w.epoch() > before {
			end = w.committed("orders.relay")
		}
		return end > 0 && w.committed("orders.relay") > end
	}) {
		t.Fatalf("nobody publishes")
	}
	took := time.Since(began)
	if took > limit {
		t.Errorf("another publishes after %s, not within %s", took, limit)
	}
	return took.Round(10 * time.Millisecond)
}

func (w *world) epoch() int64 {
	type lease struct{ Epoch int64 }
	return judge.Query[lease](w.World, "orders", "SELECT epoch FROM leases WHERE name = 'relay'")[0].Epoch
}

// committed is how far read-committed readers get in a topic, over all partitions.
func (w *world) committed(topic string) (sum int64) {
	ends, err := kadm.NewClient(w.Client).ListCommittedOffsets(w.T.Context(), topic)
	if err != nil {
		w.T.Fatal(err)
	}
	ends.Each(func(o kadm.ListedOffset) { sum += o.Offset })
	return sum
}

// TestZombies: a process stands still, in the middle of a transaction of its own or with a batch in hand, until its lease, its
// membership and its transaction have run out and another has taken over. Then it goes on, and must do no harm.
func TestZombies(t *testing.T) {
	onlyInFull(t)
	t.Parallel()
	w, books := open(t)
	r := random(t)
	for _, point := range []string{"relay/mid-produce", "relay/before-end-txn", "consumer/before-apply", "consumer/after-apply"} {
		zombie := w.start(setup{place: 0, failpoints: fmt.Sprintf("%s=stop@%d", point, 1+r.IntN(20))})
		zombie.ready() // and so has the leases
		other := w.start(setup{place: 1})
		other.ready()
		stop := books.Load(t, pace, w.url(1))
		await(t, "the process stands still", func() bool { return zombie.hits() == 1 })
		pause := time.NewTimer(silence)
		select {
		case <-t.Context().Done():
		case <-pause.C:
		}
		zombie.signal(syscall.SIGCONT)
		zombie.ready()
		stop()
		if open := w.Rest(judge.Patience); open != "" {
			t.Errorf("%s: does not come to rest: %s", point, open)
		}
		zombie.stop()
		w.settleWith(other, books)
	}
}
