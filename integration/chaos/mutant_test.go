package chaos

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ordo-platform/ordo/integration/judge"
	"github.com/ordo-platform/ordo/internal/consumer"
	"github.com/ordo-platform/ordo/internal/kafka"
)

// TestMutants runs each scenario with the program as it is, where nothing may be found, and with a known mistake, which the
// judge has to find.
func TestMutants(t *testing.T) {
	skipIfShort(t)
	for _, m := range []struct {
		mutant   string
		finding  string // what the judge says of it begins with
		scenario func(w *world, mutant string)
		poisoned bool // what stands still for a good reason is no finding here
	}{
		{"no-offset-guard", "I7 a checkpoint went back", zombieConsumer, false},
		{"read-uncommitted", "I18 ", openTransaction, false},
		{"checkpoint-before-fence", "I5 ", overlappingRelays, false},
		{"retry-after-end-txn", "I5 ", lostCommit, false},
		{"skip-unknown", "T23 ", unknownEvent, true},
		{"park-without-followers", "T17 ", poisonedKey, true},
	} {
		for _, mutant := range []string{"", m.mutant} {
			t.Run(fmt.Sprintf("%s/%t", m.mutant, mutant != ""), func(t *testing.T) {
				if mutant == "" && !full() {
					t.Skip("with ORDO_CHAOS=full; the other tests show that nothing is found without a reason")
				}
				t.Parallel()
				w, _ := open(t)
				m.scenario(w, mutant)
				w.verdict(mutant, m.finding, m.poisoned)
			})
		}
	}
}

// verdict is whether the judge finds what it has to find: nothing without a mutant; nothing of that kind after a poisoned event.
func (w *world) verdict(mutant, finding string, poisoned bool) {
	w.T.Helper()
	w.killAll()
	wrong := w.Judge()
	if mutant == "" {
		for _, what := range wrong {
			if !poisoned || strings.HasPrefix(what, finding) {
				w.T.Error(what)
			}
		}
		return
	}
	for _, what := range wrong {
		if strings.HasPrefix(what, finding) {
			w.T.Logf("found: %s", what)
			return
		}
	}
	w.T.Errorf("the judge did not notice %s; it says %q", mutant, wrong)
}

// untilNotVoid plays a scenario again that did not come about, as happens on a busy machine.
func (w *world) untilNotVoid(void string, play func() (cameAbout bool)) {
	w.T.Helper()
	for range 4 {
		if play() {
			return
		}
		w.killAll()
		w.forget()
	}
	w.T.Fatal("void: " + void)
}

// zombieConsumer: a member stands still with a batch in hand; another applies it, and what comes after it; then the first goes
// on. Receipts of stock mean nothing to the orders' part of the process, so no other guard than the checkpoint's is in its way.
func zombieConsumer(w *world, mutant string) {
	w.untilNotVoid("the zombie never goes on before its batch runs out of time", func() bool { return w.outlive(mutant) })
}

func (w *world) outlive(mutant string) (outlived bool) {
	zombie := w.start(setup{place: 0, mutant: mutant, failpoints: "consumer/before-apply:orders.fulfilment=stop@1"})
	zombie.ready()
	began := time.Now()
	judge.Receive(w.T, zombie.url, "A", fmt.Sprint("the zombie's ", zombie.cmd.Process.Pid))
	await(w.T, "the process stands still", func() bool { return zombie.hits() == 1 })
	w.forget()
	other := w.start(setup{place: 1})
	other.ready()
	judge.Receive(w.T, other.url, "A", fmt.Sprint("the other's ", other.cmd.Process.Pid))
	// Not until all is at rest: the zombie's other consumers may stand still too, with what another one needs.
	type place struct{ N int64 }
	head := judge.Query[place](w.World, "inventory", "SELECT position FROM log_head")[0]
	await(w.T, "another member has applied both", func() bool {
		at := judge.Query[place](w.World, "orders", "SELECT coalesce(max(position), 0) FROM checkpoints WHERE consumer = 'orders.fulfilment' AND topic = 'inventory.events'")
		return at[0] == head
	})
	zombie.signal(syscall.SIGCONT)
	outlived = time.Since(began) < consumer.DefaultBatchTimeout
	zombie.ready()
	judge.Receive(w.T, other.url, "A", fmt.Sprint("the last ", other.cmd.Process.Pid))
	if open := w.Rest(judge.Patience / 2); open != "" && mutant == "" { // a mutant may never
		w.T.Fatal(open)
	}
	return outlived
}

// openTransaction: a relay hesitates before it commits. Nobody may apply what it has sent until it has.
func openTransaction(w *world, mutant string) {
	p := w.start(setup{mutant: mutant, failpoints: "relay/before-end-txn:inventory=hold@1"})
	p.ready()
	judge.Receive(w.T, p.url, "A", "hesitant")
	await(w.T, "the relay hesitates", func() bool { return p.hits() == 1 })
	enough := w.Looks() + 5
	judge.Within(w.T, 8*time.Second, func() bool { // then the brokers would abort the transaction
		return len(w.Findings()) > 0 || mutant == "" && w.Looks() > enough
	})
	must(w.T, os.Remove(p.fired))
	if open := w.Rest(judge.Patience); open != "" {
		w.T.Fatal(open)
	}
}

// overlappingRelays: a relay stands still before it commits. Another takes over, and gets as far as to its fence. The first goes
// on and commits, then the second goes on.
func overlappingRelays(w *world, mutant string) {
	// The brokers may have ended the first's transaction.
	w.untilNotVoid("the older relay never commits", func() bool { return w.overlap(mutant) })
}

func (w *world) overlap(mutant string) (overlapped bool) {
	older := w.start(setup{place: 0, mutant: mutant, failpoints: "relay/before-end-txn:inventory=stop@1"})
	older.ready()
	newer := w.start(setup{place: 1, mutant: mutant, failpoints: "relay/before-fence:inventory=stop@1"})
	newer.ready()
	judge.Receive(w.T, older.url, "A", fmt.Sprint("the older's ", older.cmd.Process.Pid))
	await(w.T, "the older relay stands still", func() bool { return older.hits() == 1 })
	w.forget()
	await(w.T, "the newer relay is before its fence", func() bool { return newer.hits() == 1 })
	// A lease only saves work, the fence must hold by itself: the older relay does not get to know of its loss.
	w.Exec("inventory", "UPDATE leases SET epoch = epoch - 1, expires_at = 'infinity' WHERE name = 'relay'")
	before := w.committed("inventory.events")
	older.signal(syscall.SIGCONT)
	overlapped = judge.Within(w.T, kafka.TransactionTimeout, func() bool { return w.committed("inventory.events") > before })
	newer.signal(syscall.SIGCONT)
	w.Exec("inventory", "UPDATE leases SET epoch = epoch + 1, expires_at = '-infinity' WHERE name = 'relay'")
	newer.ready()
	if open := w.Rest(judge.Patience); open != "" {
		w.T.Fatal(open)
	}
	return overlapped
}

// lostCommit: a transaction is committed, and the relay does not hear of it.
func lostCommit(w *world, mutant string) {
	p := w.start(setup{mutant: mutant, failpoints: "relay/after-end-txn:inventory=error@1"})
	p.ready()
	judge.Receive(w.T, p.url, "A", "lost")
	await(w.T, "the answer is lost", func() bool { return p.hits() == 1 })
	judge.Receive(w.T, p.url, "A", "after it")
	w.Rest(judge.Patience / 4) // a mutant may never
}
