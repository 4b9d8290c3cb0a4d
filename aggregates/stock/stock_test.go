package stock_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/aggregatetest"
	"github.com/ordo-platform/ordo/aggregates/stock"
)

const mug stock.SKU = "MUG-1"

var at = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)

func received(quantity int64, reference string) stock.Received {
	return stock.Received{SKU: mug, Quantity: quantity, Reference: reference, At: at}
}

func receive(quantity int64, reference string) stock.Receive {
	return stock.Receive{SKU: mug, Quantity: quantity, Reference: reference, At: at}
}

func allocated(quantity int64) stock.Allocated {
	return stock.Allocated{SKU: mug, OrderID: "o-1", Quantity: quantity, At: at}
}

func allocate(quantity int64) stock.Allocate {
	return stock.Allocate{SKU: mug, OrderID: "o-1", Quantity: quantity, At: at}
}

func deallocate(quantity int64) stock.Deallocate {
	return stock.Deallocate{SKU: mug, OrderID: "o-1", Quantity: quantity, At: at}
}

func adjust(delta int64) stock.Adjust {
	return stock.Adjust{SKU: mug, Delta: delta, Reason: "count", At: at}
}

func TestReceive(t *testing.T) {
	t.Parallel()
	empty := aggregatetest.For(t, stock.Decider)
	empty.When(receive(5, "r1")).Then(received(5, "r1"))
	empty.When(receive(stock.MaxReceived, "r1")).Then(received(stock.MaxReceived, "r1"))

	taken := empty.Given(received(5, "r1"), received(7, "r2"))
	taken.When(receive(5, "r1")).ThenNothing()
	taken.When(receive(7, "r2")).ThenNothing()
	_ = taken.When(receive(7, "r1")).ThenRefused(stock.CodeReferenceReused, "reference")
	taken.When(receive(5, "R1")).Then(received(5, "R1")) // another one: references are the sender's, not ours to interpret

	for _, quantity := range []int64{0, -1, stock.MaxReceived + 1, math.MaxInt64, math.MinInt64} {
		_ = empty.When(receive(quantity, "r1")).ThenRefused(aggregates.CodeOutOfRange, "quantity")
	}
	_ = empty.When(receive(1, "")).ThenRefused(aggregates.CodeRequired, "reference")
	_ = empty.When(receive(1, "a\x00")).ThenRefused(aggregates.CodeInvalidCharacters, "reference")
	_ = empty.When(receive(1, strings.Repeat("r", 201))).ThenRefused(aggregates.CodeTooLong, "reference")
	_ = empty.When(stock.Receive{SKU: "a/b", Quantity: 1, Reference: "r"}).ThenRefused(aggregates.CodeInvalidSKU, "sku")

	full := empty.Given(stock.Adjusted{SKU: mug, Delta: stock.MaxOnHand - 1})
	full.When(receive(1, "r1")).Then(received(1, "r1"))
	_ = full.When(receive(2, "r1")).ThenRefused(aggregates.CodeOutOfRange, "quantity")
}

func TestAdjust(t *testing.T) {
	t.Parallel()
	adjusted := func(delta int64) stock.Adjusted {
		return stock.Adjusted{SKU: mug, Delta: delta, Reason: "count", At: at}
	}
	s := aggregatetest.For(t, stock.Decider).Given(received(10, "r1"), allocated(4))
	s.When(adjust(3)).Then(adjusted(3))
	s.When(adjust(-6)).Then(adjusted(-6))
	s.When(adjust(stock.MaxOnHand - 10)).Then(adjusted(stock.MaxOnHand - 10))
	insufficient(t, s.When(adjust(-7)).ThenRefused(stock.CodeInsufficientStock, "delta"), 7, 6)
	for _, delta := range []int64{0, stock.MaxOnHand - 9, math.MaxInt64, math.MinInt64} {
		_ = s.When(adjust(delta)).ThenRefused(aggregates.CodeOutOfRange, "delta")
	}
	_ = s.When(stock.Adjust{SKU: mug, Delta: 1}).ThenRefused(aggregates.CodeRequired, "reason")
	_ = s.When(stock.Adjust{Delta: 1, Reason: "count"}).ThenRefused(aggregates.CodeInvalidSKU, "sku")
	aggregatetest.For(t, stock.Decider).When(adjust(1)).Then(adjusted(1)) // a count may be the first that is heard of a SKU
}

func TestShortage(t *testing.T) {
	t.Parallel()
	adjusted := func(delta int64) stock.Adjusted {
		return stock.Adjusted{SKU: mug, Delta: delta, Reason: "count", At: at}
	}
	short := func(missing int64) stock.ShortageRecorded {
		return stock.ShortageRecorded{SKU: mug, Missing: missing, Reason: "count", At: at}
	}
	record := func(delta int64) stock.Adjust {
		return stock.Adjust{SKU: mug, Delta: delta, RecordShortage: true, Reason: "count", At: at}
	}
	s := aggregatetest.For(t, stock.Decider).Given(received(10, "r1"), allocated(8))
	s.When(record(-2)).Then(adjusted(-2)) // nothing is missing
	s.When(record(-3)).Then(adjusted(-3), short(1))
	s.When(record(-10)).Then(adjusted(-10), short(8))
	_ = s.When(record(-11)).ThenRefused(aggregates.CodeOutOfRange, "delta")

	s = s.Given(adjusted(-7), short(5)) // 3 of 8
	insufficient(t, s.When(allocate(1)).ThenRefused(stock.CodeInsufficientStock, "quantity"), 1, 0)
	insufficient(t, s.When(adjust(-1)).ThenRefused(stock.CodeInsufficientStock, "delta"), 1, 0)
	s.When(record(-1)).Then(adjusted(-1), short(6))
	s.When(adjust(2)).Then(adjusted(2)) // less is missing

	// It ends as pieces come, or are not wanted any more.
	insufficient(t, s.Given(received(6, "r2")).When(allocate(2)).ThenRefused(stock.CodeInsufficientStock, "quantity"), 2, 1)
	s.Given(received(6, "r2")).When(allocate(1)).Then(allocated(1))
	s.Given(stock.Deallocated{SKU: mug, OrderID: "o-1", Quantity: 6, At: at}).When(allocate(1)).Then(allocated(1))

	// What leaves was there, whatever the count said.
	dispatch := func(quantity int64) stock.Dispatch {
		return stock.Dispatch{SKU: mug, OrderID: "o-1", Quantity: quantity, At: at}
	}
	s.When(dispatch(3)).Then(stock.Dispatched(dispatch(3)))
	found := stock.Adjusted{SKU: mug, Delta: 2, Reason: "left, so it was there", At: at}
	s.When(dispatch(5)).Then(found, stock.Dispatched(dispatch(5)))
	gone := s.Given(found, stock.Dispatched(dispatch(5)))
	insufficient(t, gone.When(allocate(1)).ThenRefused(stock.CodeInsufficientStock, "quantity"), 1, 0)
	gone.When(deallocate(3)).Then(stock.Deallocated{SKU: mug, OrderID: "o-1", Quantity: 3, At: at})
}

func TestAllocateAndDeallocate(t *testing.T) {
	t.Parallel()
	empty := aggregatetest.For(t, stock.Decider)
	insufficient(t, empty.When(allocate(1)).ThenRefused(stock.CodeInsufficientStock, "quantity"), 1, 0)

	s := empty.Given(received(10, "r1"), allocated(4))
	s.When(allocate(6)).Then(allocated(6))
	insufficient(t, s.When(allocate(7)).ThenRefused(stock.CodeInsufficientStock, "quantity"), 7, 6)
	_ = s.When(allocate(0)).ThenRefused(aggregates.CodeOutOfRange, "quantity")
	_ = s.When(allocate(-1)).ThenRefused(aggregates.CodeOutOfRange, "quantity")

	s.When(deallocate(4)).Then(stock.Deallocated{SKU: mug, OrderID: "o-1", Quantity: 4, At: at})
	_ = s.When(deallocate(5)).ThenRefused(stock.CodeNotReserved, "quantity")
	_ = s.When(deallocate(-1)).ThenRefused(aggregates.CodeOutOfRange, "quantity")
	_ = empty.When(deallocate(1)).ThenRefused(stock.CodeNotReserved, "quantity")
}

func TestDispatch(t *testing.T) {
	t.Parallel()
	dispatch := func(quantity int64) stock.Dispatch {
		return stock.Dispatch{SKU: mug, OrderID: "o-1", Quantity: quantity, At: at}
	}
	dispatched := stock.Dispatched{SKU: mug, OrderID: "o-1", Quantity: 4, At: at}
	s := aggregatetest.For(t, stock.Decider).Given(received(10, "r1"), allocated(4))
	s.When(dispatch(4)).Then(dispatched)
	_ = s.When(dispatch(5)).ThenRefused(stock.CodeNotReserved, "quantity")
	_ = s.When(dispatch(0)).ThenRefused(aggregates.CodeOutOfRange, "quantity")
	left := s.Given(dispatched)
	insufficient(t, left.When(allocate(7)).ThenRefused(stock.CodeInsufficientStock, "quantity"), 7, 6)
	left.When(allocate(6)).Then(allocated(6))
}

func insufficient(t *testing.T, err error, requested, available int64) {
	t.Helper()
	var e *stock.InsufficientError
	if !errors.As(err, &e) || e.SKU != mug || e.Requested != requested || e.Available != available {
		t.Errorf("%#v; want %d requested, %d available", err, requested, available)
	}
}

// TestDroppedDecision: events of a decision whose append failed must leave no trace in the state before it, and branches
// from one state must not see each other.
func TestDroppedDecision(t *testing.T) {
	t.Parallel()
	d := stock.Decider
	kept := d.Fold(d.Initial(), received(1, "r1"))
	dropped := d.Fold(kept, received(5, "r2"))
	happened := d.Fold(kept, received(6, "r3"))
	once := d.Fold(d.Initial(), received(1, "r1"))
	d.Fold(once, received(7, "r1")) // no decision makes this, yet it must not make others forget

	for name, tc := range map[string]struct {
		state     stock.State
		reference string
		known     bool
	}{
		"once r1": {once, "r1", true},
		"kept r1": {kept, "r1", true}, "kept r2": {kept, "r2", false}, "kept r3": {kept, "r3", false},
		"dropped r1": {dropped, "r1", true}, "dropped r2": {dropped, "r2", true}, "dropped r3": {dropped, "r3", false},
		"happened r1": {happened, "r1", true}, "happened r2": {happened, "r2", false}, "happened r3": {happened, "r3", true},
	} {
		_, err := d.Decide(tc.state, receive(99, tc.reference))
		if known := err != nil; known != tc.known {
			t.Errorf("%s: known is %v, want %v", name, known, tc.known)
		}
	}
}

func TestEvolvePanicsOnForeignEvents(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("an event that is not of a stock was folded into one")
		}
	}()
	e := received(1, "r1")
	stock.Decider.Fold(stock.State{}, &e)
}

// TestAnyCommands sends random commands, drops some decisions as failed appends do, and compares with plain counting.
func TestAnyCommands(t *testing.T) {
	t.Parallel()
	rapid.Check(t, anyCommands)
}

func FuzzAnyCommands(f *testing.F) {
	f.Fuzz(rapid.MakeFuzz(anyCommands))
}

func anyCommands(t *rapid.T) {
	state := stock.Decider.Initial()
	var onHand, reserved, missing int64
	taken := map[string]int64{}
	for _, c := range rapid.SliceOfN(command(), 1, 50).Draw(t, "commands") {
		events, err := stock.Decider.Decide(state, c)
		if err != nil && len(events) > 0 {
			t.Fatalf("%T both refused and accepted", c)
		}
		if again, ok := c.(stock.Receive); ok {
			if _, known := taken[again.Reference]; known && len(events) > 0 {
				t.Fatalf("delivery %s taken in again", again.Reference)
			} else if !known && len(events) == 0 && err == nil {
				t.Fatalf("delivery %s, which is new, ignored", again.Reference)
			}
		}
		next := stock.Decider.Fold(state, events...)
		if rapid.Bool().Draw(t, "append fails") {
			continue
		}
		state = next
		for _, e := range events {
			switch e := e.(type) {
			case stock.Received:
				onHand += e.Quantity
				taken[e.Reference] = e.Quantity
			case stock.Adjusted:
				onHand += e.Delta
			case stock.Allocated:
				reserved += e.Quantity
			case stock.Deallocated:
				reserved -= e.Quantity
			case stock.Dispatched:
				reserved -= e.Quantity
				onHand -= e.Quantity
			}
			if reserved < 0 || onHand < 0 || onHand > stock.MaxOnHand {
				t.Fatalf("%d reserved of %d after %+v", reserved, onHand, e)
			}
			if e, ok := e.(stock.ShortageRecorded); ok {
				missing = e.Missing
			}
		}
		if state.Short() > missing { // it only shrinks by itself
			t.Fatalf("%d reserved of %d, of which %d are known to be missing", reserved, onHand, missing)
		}
		missing = state.Short()
		if state.OnHand != onHand || state.Reserved != reserved || state.Available()-state.Short() != onHand-reserved {
			t.Fatalf("%+v; counted %d on hand, %d reserved", state, onHand, reserved)
		}
	}
}

func command() *rapid.Generator[stock.Command] {
	number := rapid.OneOf(
		rapid.Int64Range(-3, 40),
		rapid.SampledFrom([]int64{stock.MaxReceived, stock.MaxOnHand, -stock.MaxOnHand, math.MaxInt64, math.MinInt64}),
	)
	return rapid.Custom(func(t *rapid.T) stock.Command {
		n := number.Draw(t, "number")
		switch rapid.SampledFrom([]int{0, 1, 2, 3, 4}).Draw(t, "command") {
		case 0:
			return receive(n, fmt.Sprint("r", rapid.IntRange(0, 9).Draw(t, "reference")))
		case 1:
			a := adjust(n)
			a.RecordShortage = rapid.Bool().Draw(t, "record a shortage")
			return a
		case 2:
			return allocate(n)
		case 3:
			return stock.Dispatch{SKU: mug, OrderID: "o-1", Quantity: n, At: at}
		default:
			return deallocate(n)
		}
	})
}

// BenchmarkFold folds a long history of deliveries: time for each event must not grow with its length.
func BenchmarkFold(b *testing.B) {
	for _, n := range []int{1_000, 100_000} {
		history := make([]stock.Event, n)
		for i := range history {
			history[i] = received(1, fmt.Sprint("r", i))
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				stock.Decider.Fold(stock.Decider.Initial(), history...)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/event")
		})
	}
}
