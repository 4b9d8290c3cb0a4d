package fulfilment_test

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/aggregates/payment"
	"github.com/ordo-platform/ordo/sagas/fulfilment"
)

var update = flag.Bool("update", false, "rewrite the traces in testdata, or docs/process.md")

// TestTraces shows each way an order can go, message by message. The files are the best introduction to the process.
func TestTraces(t *testing.T) {
	t.Parallel()
	inventory, payments, answers := links[0], links[1], links[2]
	for name, run := range map[string]func(*world){
		"confirmed": func(w *world) {
			w.place("1", line("MUG", 2))
			w.settle()
		},
		"shipped": func(w *world) {
			w.place("1", line("MUG", 2))
			w.settle()
			w.ship("1")
			w.ship("1") // asked again: accepted, nothing new
			w.cancel("1")
			w.settle()
		},
		"out_of_stock": func(w *world) { // all lines or none: the mugs stay free although there are enough
			w.place("1", line("MUG", 2), line("CUP", 3))
			w.settle()
		},
		"payment_declined": func(w *world) {
			w.place("1", line("MUG", 2))
			w.settle(payment.CallAuthorize)
		},
		"cancelled_before_stock": func(w *world) { // the reservation is made, answered and undone all the same
			w.place("1", line("MUG", 2))
			w.cancel("1")
			w.settle()
		},
		"cancelled_out_of_stock": func(w *world) { // the refusal is the answer to the undo: there is nothing to release
			w.place("1", line("CUP", 2))
			w.cancel("1")
			w.settle()
		},
		"cancelled_before_payment": func(w *world) { // the provider has been asked, but has not answered
			w.place("1", line("MUG", 2))
			w.catchUp(inventory, answers, payments)
			w.cancel("1")
			w.catchUp(payments)
			w.settle() // a late success undoes itself
		},
		"cancelled_after_payment": func(w *world) {
			w.place("1", line("MUG", 2))
			w.settle()
			w.cancel("1")
			w.settle()
		},
		"timed_out": func(w *world) { // no answer from the provider, until it is too late
			w.place("1", line("MUG", 2))
			w.catchUp(inventory, answers, payments)
			w.pass(slices.IndexFunc(w.deadlines, w.waitsFor))
			w.settle()
		},
		"void_refused": func(w *world) { // a compensation that fails is never silent: somebody looks and has it done again
			w.place("1", line("MUG", 2))
			w.settle()
			w.cancel("1")
			w.settle(payment.CallVoid)
			w.retry("1")
			w.settle()
		},
		"capture_refused": func(w *world) { // the hold has expired, say; the order can still be cancelled
			w.place("1", line("MUG", 2))
			w.settle()
			w.ship("1")
			w.settle(payment.CallCapture)
			w.cancel("1")
			w.settle()
		},
		"capture_overdue_then_cancelled": func(w *world) { // the money is taken in the end, and given back
			w.place("1", line("MUG", 2))
			w.settle()
			w.ship("1")
			w.catchUp(payments)
			w.pass(slices.IndexFunc(w.deadlines, w.waitsFor))
			w.cancel("1")
			w.catchUp(payments)
			w.settle()
		},
		"release_before_reserve": func(w *world) { // out of order, as no partition delivers it: the tombstone holds
			w.place("1", line("MUG", 2))
			w.cancel("1")
			w.deliver(inventory, "1", 1)
			w.settle()
		},
		"two_orders_for_the_last_piece": func(w *world) {
			w.place("1", line("CUP", 1))
			w.place("2", line("CUP", 1))
			w.settle()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.receive("MUG", 10)
			w.receive("CUP", 1)
			run(w)
			for _, id := range w.orders {
				o, p := w.order(id), w.payment(id)
				w.tell("order %s is %s, its payment %s", id, o.Status, orNone(string(p.Status)))
			}
			for _, sku := range []string{"MUG", "CUP"} {
				w.tell("%s: %d on hand, %d reserved", sku, w.stock(sku).OnHand, w.stock(sku).Reserved)
			}
			golden(t, filepath.Join("testdata", name+".txt"), w.trace.String())
		})
	}
}

func orNone(status string) string {
	if status == "" {
		return "none"
	}
	return status
}

func golden(t *testing.T, file, got string) {
	t.Helper()
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

// checkPromises holds a world in which nothing moves any more to what the process promises.
func checkPromises(t fataler, w *world, skus map[string]int64) {
	held, gone := map[string]int64{}, map[string]int64{}
	for _, id := range w.orders {
		o, p := w.order(id), w.payment(id)
		wantHeld, wantTaken := false, false
		switch o.Status {
		case order.StatusConfirmed:
			wantHeld = true
			count(held, o.Lines)
			if p.Status != payment.StatusAuthorized || p.Amount != o.Total {
				t.Fatalf("order %s is confirmed with a payment %s of %v", id, p.Status, p.Amount)
			}
		case order.StatusShipped:
			wantTaken = true
			count(gone, o.Lines)
			if p.Status != payment.StatusCaptured || p.Amount != o.Total {
				t.Fatalf("order %s is shipped with a payment %s of %v", id, p.Status, p.Amount)
			}
		case order.StatusRejected, order.StatusCancelled:
		default:
			t.Fatalf("order %s never ended: %s, waiting for %v\n%s", id, o.Status, o.Wait, w.trace)
		}
		if w.provider.holds(id) != wantHeld || w.provider.taken(id) != wantTaken {
			t.Fatalf("order %s is %s; held at the provider: %v, taken: %v\n%s", id, o.Status, w.provider.holds(id), w.provider.taken(id), w.trace)
		}
		if n := w.endings(id); n > 1 {
			t.Fatalf("order %s ended %d times\n%s", id, n, w.trace)
		}
	}
	for sku, received := range skus {
		if s := w.stock(sku); s.Reserved != held[sku] || s.OnHand != received-gone[sku] {
			t.Fatalf("%s: %d reserved of %d, confirmed orders hold %d, %d of %d have left\n%s", sku, s.Reserved, s.OnHand, held[sku], gone[sku], received, w.trace)
		}
	}
}

func count(pieces map[string]int64, lines []order.Line) {
	for _, l := range lines {
		pieces[l.SKU] += l.Quantity
	}
}

// endings counts the events that end an order.
func (w *world) endings(id string) (n int) {
	for _, e := range w.logs[fulfilment.Orders].partitions[id] {
		switch e.Type {
		case order.Shipped{}.EventType(), order.Rejected{}.EventType(), order.Cancelled{}.EventType():
			n++
		}
	}
	return n
}
