package fulfilment_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"

	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/aggregates/payment"
	"github.com/ordo-platform/ordo/sagas/fulfilment"
)

var update = flag.Bool("update", false, "rewrite the traces in testdata")

// TestTraces shows each way an order can go, message by message. The files are the best introduction to the process.
func TestTraces(t *testing.T) {
	t.Parallel()
	scenarios := map[string]func(*world){
		"confirmed": func(w *world) {
			w.receive("MUG", 10)
			w.place("1", line("MUG", 2))
		},
		"out_of_stock": func(w *world) { // all lines or none: the mugs stay free although there are enough
			w.receive("MUG", 10)
			w.receive("CUP", 1)
			w.place("1", line("MUG", 2), line("CUP", 3))
		},
		"payment_declined": func(w *world) {
			w.receive("MUG", 10)
			w.place("1", line("MUG", 2))
			w.declines["1"] = true
		},
	}
	for name, run := range scenarios {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			run(w)
			w.settle()
			o := w.order("1")
			fmt.Fprintf(&w.trace, "order 1 is %s, stock of MUG: %d on hand, %d reserved\n", o.Status, w.stock("MUG").OnHand, w.stock("MUG").Reserved)
			golden(t, name+".txt", w.trace.String())
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; run with -update and review the difference\ngot:\n%s\nwant:\n%s", file, got, want)
	}
}

// TestAnyDelivery delivers events in any interleaving of the topics, any of them again and late, with any answers of the
// provider, and holds the process to its promises: every order ends once, and only a confirmed one holds stock or money.
func TestAnyDelivery(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		w := newWorld(r)
		skus := []string{"A", "B", "C"}
		for _, sku := range skus {
			w.receive(sku, rapid.Int64Range(1, 6).Draw(r, "stock of "+sku))
		}
		orders := rapid.IntRange(1, 6).Draw(r, "orders")
		placed := 0
		for placed < orders || w.underWay() {
			switch step := rapid.IntRange(0, len(links)+2).Draw(r, "step"); {
			case step < len(links):
				if l := links[step]; w.read[l] < len(w.logs[l.topic].events) {
					w.deliver(l, w.read[l])
					w.read[l]++
				}
			case step == len(links): // again: anything that was delivered before
				l := links[rapid.IntRange(0, len(links)-1).Draw(r, "link")]
				if w.read[l] > 0 {
					w.deliver(l, rapid.IntRange(0, w.read[l]-1).Draw(r, "again"))
				}
			case step == len(links)+1:
				if len(w.calls) > 0 {
					w.call(rapid.IntRange(0, len(w.calls)-1).Draw(r, "call"))
				}
			case placed < orders:
				placed++
				id := fmt.Sprint(placed)
				w.declines[id] = rapid.Bool().Draw(r, "declined")
				var lines []order.Line
				for _, sku := range skus {
					if n := rapid.Int64Range(0, 4).Draw(r, "of "+sku); n > 0 {
						lines = append(lines, line(sku, n))
					}
				}
				if len(lines) == 0 {
					lines = append(lines, line("A", 1))
				}
				w.place(id, lines...)
			}
		}
		checkPromises(r, w, orders, skus)
	})
}

func (w *world) underWay() bool {
	for _, l := range links {
		if w.read[l] < len(w.logs[l.topic].events) {
			return true
		}
	}
	return len(w.calls) > 0
}

func checkPromises(r *rapid.T, w *world, orders int, skus []string) {
	held := map[string]int64{}
	for i := 1; i <= orders; i++ {
		id := fmt.Sprint(i)
		o, p := w.order(id), w.payment(id)
		switch o.Status {
		case order.StatusConfirmed:
			for _, l := range o.Lines {
				held[l.SKU] += l.Quantity
			}
			if p.Status != payment.StatusAuthorized || p.Amount != o.Total {
				r.Fatalf("order %s is confirmed with a payment %s of %v", id, p.Status, p.Amount)
			}
		case order.StatusRejected:
			if p.Status == payment.StatusAuthorized {
				r.Fatalf("order %s is rejected, but its money is held", id)
			}
		default:
			r.Fatalf("order %s never ended: %s", id, o.Status)
		}
		ended := 0
		for _, e := range w.logs[fulfilment.Orders].events {
			if e.Stream.Key() == id && (e.Type == (order.Confirmed{}).EventType() || e.Type == (order.Rejected{}).EventType()) {
				ended++
			}
		}
		if ended != 1 {
			r.Fatalf("order %s ended %d times", id, ended)
		}
	}
	for _, sku := range skus {
		if s := w.stock(sku); s.Reserved != held[sku] || s.Reserved > s.OnHand {
			r.Fatalf("%s: %d reserved of %d, confirmed orders hold %d", sku, s.Reserved, s.OnHand, held[sku])
		}
	}
}
