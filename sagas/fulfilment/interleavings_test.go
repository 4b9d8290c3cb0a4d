package fulfilment_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/sagas/fulfilment"
)

// TestAnyInterleaving lets up to five orders for up to three SKUs run at once and everything happen in any order:
// deliveries, in order only within each partition; deliveries repeated and late; answers of the provider, good, bad and
// lost; deadlines; cancelling, shipping and retrying at any moment. When all that was under way has arrived, every order
// must have ended, and the books must add up.
//
// More of them: go test ./sagas/fulfilment -run AnyInterleaving -rapid.checks=20000. That takes 15 s of one core's time.
func TestAnyInterleaving(t *testing.T) {
	t.Parallel()
	rapid.Check(t, interleaving)
}

func FuzzAnyInterleaving(f *testing.F) {
	f.Fuzz(rapid.MakeFuzz(interleaving))
}

func interleaving(t *rapid.T) {
	w := newWorld(t)
	w.trace = nil
	skus := map[string]int64{}
	for _, sku := range []string{"A", "B", "C"}[:rapid.IntRange(1, 3).Draw(t, "SKUs")] {
		skus[sku] = rapid.Int64Range(1, 6).Draw(t, "pieces")
		w.receive(sku, skus[sku])
	}
	orders := rapid.IntRange(1, 5).Draw(t, "orders")
	for range rapid.IntRange(20, 120).Draw(t, "moves") {
		if len(w.orders) < orders && rapid.IntRange(0, 3).Draw(t, "place") == 0 {
			w.place(fmt.Sprint(len(w.orders)+1), drawLines(t, skus)...)
		}
		w.draw(t)
	}
	for len(w.orders) < orders {
		w.place(fmt.Sprint(len(w.orders)+1), drawLines(t, skus)...)
	}
	w.heal()
	checkPromises(t, w, skus)
	w.repeatAll()
}

func drawLines(t *rapid.T, skus map[string]int64) []order.Line {
	var lines []order.Line
	for _, sku := range []string{"A", "B", "C"} {
		if _, ok := skus[sku]; !ok {
			continue
		}
		if n := rapid.Int64Range(0, 4).Draw(t, "quantity"); n > 0 {
			lines = append(lines, line(sku, n))
		}
	}
	if len(lines) == 0 {
		lines = append(lines, line("A", 1))
	}
	return lines
}

// draw makes one move, if the one that is drawn is possible.
func (w *world) draw(t *rapid.T) {
	if len(w.orders) == 0 {
		return
	}
	id := w.orders[rapid.IntRange(0, len(w.orders)-1).Draw(t, "order")]
	l := links[rapid.IntRange(0, len(links)-1).Draw(t, "link")]
	switch rapid.IntRange(0, 15).Draw(t, "move") {
	default: // by far the most often, so that orders get somewhere
		if w.due(l, id) > 0 {
			w.next(l, id)
		}
	case 0:
		if n := w.read[cursor{l, id}]; n > 0 {
			w.deliver(l, id, rapid.IntRange(0, n-1).Draw(t, "again"))
		}
	case 1, 2, 3:
		if n := len(w.calls); n > 0 {
			w.answer(rapid.IntRange(0, n-1).Draw(t, "call"), rapid.IntRange(0, 3).Draw(t, "no") > 0)
		}
	case 4:
		if n := len(w.calls); n > 0 {
			w.lose(rapid.IntRange(0, n-1).Draw(t, "call"), rapid.IntRange(0, 3).Draw(t, "no") > 0)
		}
	case 5:
		if n := len(w.deadlines); n > 0 {
			w.pass(rapid.IntRange(0, n-1).Draw(t, "deadline"))
		}
	case 6:
		w.cancel(id)
	case 7, 8:
		w.ship(id)
	case 9:
		w.retry(id)
	}
}

// heal delivers everything. The provider says yes from now on, unless it has said no under the same key; operators have
// done again what is stuck.
func (w *world) heal() {
	w.settle()
	for range 3 { // what can be refused: the capture or the void; and then there is a second attempt
		for _, id := range w.orders {
			if w.order(id).Status == order.StatusNeedsAttention {
				w.retry(id)
			}
		}
		w.settle()
	}
}

// repeatAll delivers everything again that was delivered before, and lets all deadlines pass. Nothing may come of it.
func (w *world) repeatAll() {
	before := w.positions()
	for _, id := range w.orders {
		for _, l := range links {
			for n := range w.read[cursor{l, id}] {
				w.deliver(l, id, n)
				if !slices.Equal(w.positions(), before) {
					w.t.Fatalf("%s got %s again, and something happened", l.reader, w.logs[l.topic].partitions[id][n].Type)
				}
			}
		}
	}
	for _, d := range w.deadlines {
		if w.waitsFor(d) {
			continue
		}
		w.passed(d)
		if !slices.Equal(w.positions(), before) {
			w.t.Fatalf("the deadline %s passed after the answer, and something happened", d.key)
		}
	}
}

func (w *world) positions() []int {
	var all []int
	for _, service := range []string{fulfilment.Orders, fulfilment.Inventory, fulfilment.Payments} {
		all = append(all, int(w.logs[service].position))
	}
	return all
}
