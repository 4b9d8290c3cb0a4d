package chaos

import (
	"fmt"
	"testing"

	"github.com/ordo-platform/ordo/integration/judge"
)

// points are where a process is killed, and by when at the latest: the hit is drawn from 1 to most.
var points = []struct {
	name string
	most int
}{
	{"store/before-commit", 40},
	{"store/after-commit", 40},
	{"relay/before-fence", 5}, // once for each service, at the start
	{"relay/after-fence", 5},
	{"relay/mid-produce", 20},
	{"relay/before-end-txn", 20},
	{"relay/after-end-txn", 20},
	{"consumer/before-apply", 30},
	{"consumer/after-apply", 30},
	{"consumer/after-commit", 30},
	{"consumer/before-offset-commit", 8},
}

// TestKilledAtEveryPoint kills a platform under load at each point, time after time, on the same data.
func TestKilledAtEveryPoint(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	w, books := open(t)
	r := random(t)
	for _, point := range points {
		stop := books.Load(t, pace, w.url(0))
		for range rounds() {
			p := w.start(setup{failpoints: fmt.Sprintf("%s=kill@%d", point.name, 1+r.IntN(point.most))})
			p.diesAt(point.name)
			w.forget()
		}
		stop()
		if full() {
			w.settle(books)
			t.Logf("%s: killed there %d times", point.name, rounds())
		}
	}
	w.settle(books)
}

// TestFailsAtEveryPoint is the same without dying: at each point something fails once, or what was done seems not to be.
func TestFailsAtEveryPoint(t *testing.T) {
	onlyInFull(t)
	t.Parallel()
	w, books := open(t)
	r := random(t)
	orders, n := "", 0
	for _, point := range points {
		for range min(rounds(), 5) {
			orders += fmt.Sprintf("%s=error@%d,%s=sleep:%dms@%d,", point.name, 1+r.IntN(point.most), point.name, 1+r.IntN(300), 1+r.IntN(point.most))
			n += 2
		}
	}
	p := w.start(setup{failpoints: orders})
	stop := books.Load(t, pace, w.url(0))
	await(t, "every order was carried out", func() bool { return p.hits() == n })
	stop()
	p.ready()
	w.settleWith(p, books)
}

// open is a world with a shop that is open and nobody in it.
func open(t *testing.T) (*world, *judge.Journal) {
	t.Helper()
	w := newWorld(t)
	p := w.start(setup{})
	p.ready()
	w.InstallAudit()
	w.Watch()
	books := judge.OpenShop(t, p.url)
	if open := w.Rest(judge.Patience); open != "" {
		t.Fatal(open)
	}
	p.stop()
	return w, books
}

// settle starts a process that does what is left, and judges.
func (w *world) settle(books *judge.Journal) {
	w.T.Helper()
	w.forget()
	p := w.start(setup{})
	p.ready()
	w.settleWith(p, books)
}

func (w *world) settleWith(p *child, books *judge.Journal) {
	w.T.Helper()
	wrong := books.AskAgain(w.T, p.url)
	if open := w.Rest(judge.Patience); open != "" {
		w.T.Errorf("does not come to rest: %s", open)
	}
	p.stop()
	for _, what := range append(wrong, w.Judge()...) {
		w.T.Error(what)
	}
}
