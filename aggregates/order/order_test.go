package order_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/aggregatetest"
	"github.com/ordo-platform/ordo/aggregates/order"
)

const id order.ID = "0198c7a2-0000-7000-8000-000000000001"

var at = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)

func eur(n int64) aggregates.Money { return aggregates.Money{Amount: n, Currency: "EUR"} }

func place(lines ...order.Line) order.Place {
	return order.Place{OrderID: id, CustomerID: "c-1", Lines: lines, PaymentMethod: "pm_ok", At: at}
}

var (
	lines  = []order.Line{{SKU: "MUG-1", Quantity: 2, UnitPrice: eur(1990)}, {SKU: "TEA", Quantity: 3, UnitPrice: eur(500)}}
	items  = []order.Item{{SKU: "MUG-1", Quantity: 2}, {SKU: "TEA", Quantity: 3}}
	short  = []order.Shortage{{SKU: "TEA", Requested: 3, Available: 1}}
	placed = order.Placed{OrderID: id, CustomerID: "c-1", Lines: lines, Total: eur(5480), PaymentMethod: "pm_ok", At: at}
)

// histories lead to each status there is; cancelling also with two steps left to undo.
var histories = []struct {
	name   string
	events []order.Event
}{
	{"none", nil},
	{"placed", []order.Event{placed}},
	{"awaiting payment", []order.Event{placed, paymentRequested}},
	{"confirmed", []order.Event{placed, paymentRequested, confirmed}},
	{"cancelling", []order.Event{placed, paymentRequested, started(order.StepReserveStock)}},
	{"cancelling, two steps", []order.Event{placed, paymentRequested, started(order.StepAuthorizePayment, order.StepReserveStock)}},
	{"rejected, out of stock", []order.Event{placed, outOfStock}},
	{"rejected, declined", []order.Event{placed, paymentRequested, started(order.StepReserveStock), declined}},
}

var (
	paymentRequested = order.PaymentRequested{OrderID: id, Amount: eur(5480), PaymentMethod: "pm_ok", At: at}
	confirmed        = order.Confirmed{OrderID: id, At: at}
	outOfStock       = order.Rejected{OrderID: id, Reason: order.ReasonOutOfStock, Shortages: short, At: at}
	declined         = order.Rejected{OrderID: id, Reason: order.ReasonPaymentDeclined, At: at}
	advanced         = order.CompensationAdvanced{
		OrderID: id, Undone: order.StepAuthorizePayment, Next: order.StepReserveStock, Lines: items, At: at,
	}
)

func started(undo ...order.Step) order.CompensationStarted {
	return order.CompensationStarted{
		OrderID: id, Reason: order.ReasonPaymentDeclined, Detail: "card expired", Undo: undo, Lines: items, At: at,
	}
}

// answer is what a command leads to: an event, nothing new, or a refusal with this code. A cell without one is undecided.
type answer struct {
	event   order.Event
	nothing bool
	code    string
}

var (
	nothing = answer{nothing: true}
	repeat  = answer{code: order.CodeAlreadyPlaced}
	invalid = answer{code: aggregates.CodeInvalidState}
	unknown = answer{code: aggregates.CodeNotFound}
	tooSoon = answer{code: order.CodeUndoOutOfOrder}
)

func event(e order.Event) answer { return answer{event: e} }

// TestEveryCommandInEveryState is the order's behaviour on one screen: a row for each command, a column for each history.
func TestEveryCommandInEveryState(t *testing.T) {
	t.Parallel()
	requested, compensating := event(paymentRequested), event(started(order.StepReserveStock))
	for _, row := range []struct {
		command order.Command
		answers []answer // none, placed, awaiting payment, confirmed, cancelling, two steps, out of stock, declined
	}{
		{place(lines...), []answer{event(placed), repeat, repeat, repeat, repeat, repeat, repeat, repeat}},
		{order.RequestPayment{OrderID: id, At: at}, []answer{unknown, requested, nothing, nothing, nothing, nothing, nothing, nothing}},
		{order.Confirm{OrderID: id, At: at}, []answer{unknown, invalid, event(confirmed), nothing, nothing, nothing, nothing, nothing}},
		{
			order.Reject{OrderID: id, Reason: order.ReasonOutOfStock, Shortages: short, At: at},
			[]answer{unknown, event(outOfStock), invalid, invalid, nothing, nothing, nothing, nothing},
		},
		{
			order.Compensate{OrderID: id, Reason: order.ReasonPaymentDeclined, Detail: "card\nexpired", At: at},
			[]answer{unknown, invalid, compensating, invalid, nothing, nothing, nothing, nothing},
		},
		{
			order.RecordUndone{OrderID: id, Step: order.StepReserveStock, At: at},
			[]answer{unknown, invalid, invalid, invalid, event(declined), tooSoon, nothing, nothing},
		},
		{
			order.RecordUndone{OrderID: id, Step: order.StepAuthorizePayment, At: at},
			[]answer{unknown, invalid, invalid, invalid, nothing, event(advanced), nothing, nothing},
		},
	} {
		if len(row.answers) != len(histories) {
			t.Fatalf("%T has %d answers for %d histories", row.command, len(row.answers), len(histories))
		}
		for i, h := range histories {
			t.Run(fmt.Sprintf("%T in %s", row.command, h.name), func(t *testing.T) {
				t.Parallel()
				outcome := aggregatetest.For(t, order.Decider).Given(h.events...).When(row.command)
				switch want := row.answers[i]; {
				case want.code == tooSoon.code:
					_ = outcome.ThenRefused(want.code, "step")
				case want.code != "":
					_ = outcome.ThenRefused(want.code, "")
				case want.event != nil:
					outcome.Then(want.event)
				case want.nothing:
					outcome.ThenNothing()
				default:
					t.Error("undecided")
				}
			})
		}
	}
}

func TestPlaceRefuses(t *testing.T) {
	t.Parallel()
	line := func(sku string, quantity int64, price aggregates.Money) order.Line {
		return order.Line{SKU: sku, Quantity: quantity, UnitPrice: price}
	}
	many := func(n int) []order.Line {
		all := make([]order.Line, n)
		for i := range all {
			all[i] = line(fmt.Sprintf("SKU-%d", i), 1, eur(1))
		}
		return all
	}
	good := line("GOOD", 1, eur(1))
	for name, tc := range map[string]struct {
		lines       []order.Line
		code, field string
	}{
		"no lines":               {nil, order.CodeNoLines, "lines"},
		"101 lines":              {many(101), order.CodeTooManyLines, "lines"},
		"same SKU twice":         {[]order.Line{good, line("B", 1, eur(1)), good}, order.CodeDuplicateSKU, "lines[2].sku"},
		"bad SKU":                {[]order.Line{good, line("a/b", 1, eur(1))}, aggregates.CodeInvalidSKU, "lines[1].sku"},
		"quantity 0":             {[]order.Line{line("A", 0, eur(1))}, aggregates.CodeOutOfRange, "lines[0].quantity"},
		"quantity negative":      {[]order.Line{good, line("A", -1, eur(1))}, aggregates.CodeOutOfRange, "lines[1].quantity"},
		"quantity over limit":    {[]order.Line{line("A", order.MaxQuantity+1, eur(1))}, aggregates.CodeOutOfRange, "lines[0].quantity"},
		"price below zero":       {[]order.Line{line("A", 1, eur(-1))}, aggregates.CodeOutOfRange, "lines[0].unit_price.amount"},
		"no currency":            {[]order.Line{line("A", 1, aggregates.Money{Amount: 1})}, aggregates.CodeInvalidCurrency, "lines[0].unit_price.currency"},
		"two currencies":         {[]order.Line{good, line("A", 1, aggregates.Money{Amount: 1, Currency: "USD"})}, aggregates.CodeInvalidCurrency, "lines[1].unit_price.currency"},
		"line's price overflows": {[]order.Line{good, line("A", 2, eur(math.MaxInt64/2+1))}, order.CodeAmountOverflow, "lines[1].quantity"},
		"total overflows":        {[]order.Line{good, line("A", 1, eur(math.MaxInt64))}, order.CodeAmountOverflow, "lines"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_ = aggregatetest.For(t, order.Decider).When(place(tc.lines...)).ThenRefused(tc.code, tc.field)
		})
	}

	t.Run("at the limits it does not", func(t *testing.T) {
		t.Parallel()
		c := place(many(order.MaxLines)...)
		c.Lines[99].Quantity = order.MaxQuantity
		c.Lines[98].UnitPrice = eur(math.MaxInt64 - order.MaxQuantity - 98)
		c.Lines[97].UnitPrice = eur(0)
		aggregatetest.For(t, order.Decider).When(c).Then(order.Placed{
			OrderID: id, CustomerID: "c-1", Lines: c.Lines, Total: eur(math.MaxInt64 - 1), PaymentMethod: "pm_ok", At: at,
		})
	})
	for method, code := range map[string]string{
		"": aggregates.CodeRequired, "pm\x00": aggregates.CodeInvalidCharacters, strings.Repeat("p", 65): aggregates.CodeTooLong,
	} {
		c := place(lines...)
		c.PaymentMethod = method
		_ = aggregatetest.For(t, order.Decider).When(c).ThenRefused(code, "payment_method")
	}
}

func TestOrdersEndOnlyForTheirReasons(t *testing.T) {
	t.Parallel()
	start := aggregatetest.For(t, order.Decider).Given(placed)
	_ = start.When(order.Reject{OrderID: id, Reason: order.ReasonPaymentDeclined}).ThenRefused(order.CodeInvalidReason, "reason")
	_ = start.Given(paymentRequested).When(order.Compensate{OrderID: id, Reason: order.ReasonOutOfStock}).ThenRefused(order.CodeInvalidReason, "reason")
}

// TestUndoneStepByStep: repeats at each point of a compensation with two steps, which ends once.
func TestUndoneStepByStep(t *testing.T) {
	t.Parallel()
	payment := order.RecordUndone{OrderID: id, Step: order.StepAuthorizePayment, At: at}
	stock := order.RecordUndone{OrderID: id, Step: order.StepReserveStock, At: at}
	half := aggregatetest.For(t, order.Decider).
		Given(placed, paymentRequested, started(order.StepAuthorizePayment, order.StepReserveStock), advanced)
	half.When(payment).ThenNothing()
	half.When(stock).Then(declined)
	half.Given(declined).When(stock).ThenNothing()
	half.Given(declined).When(payment).ThenNothing()
}

func TestEvolvePanicsOnForeignEvents(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("an event that is not of an order was folded into one")
		}
	}()
	order.Decider.Fold(order.State{}, &placed) // a pointer has the methods, too
}

// TestAnyCommands sends random commands. Whatever is accepted can be folded, totals are sums, and an order ends once.
func TestAnyCommands(t *testing.T) {
	t.Parallel()
	rapid.Check(t, anyCommands)
}

func FuzzAnyCommands(f *testing.F) {
	f.Fuzz(rapid.MakeFuzz(anyCommands))
}

func anyCommands(t *rapid.T) {
	state := order.Decider.Initial()
	ended := false
	commands := append([]order.Command{place(rapid.SliceOfN(line(), 1, 4).Draw(t, "lines")...)},
		rapid.SliceOfN(command(), 5, 40).Draw(t, "commands")...)
	for _, c := range commands {
		before := state
		events, err := order.Decider.Decide(state, c)
		if err != nil && len(events) > 0 {
			t.Fatalf("%T both refused and accepted", c)
		}
		for _, e := range events {
			if ended {
				t.Fatalf("%s after the end", e.EventType())
			}
			state = order.Decider.Evolve(state, e)
			switch e := e.(type) {
			case order.Placed:
				checkTotal(t, e)
			case order.Confirmed, order.Rejected:
				ended = true
			case order.CompensationStarted:
				if !slices.Equal(e.Undo, state.Undo) {
					t.Fatalf("undo %v, remembered %v", e.Undo, state.Undo)
				}
			case order.CompensationAdvanced:
				if state.Undo[0] != e.Next {
					t.Fatalf("next is %v, remembered %v", e.Next, state.Undo)
				}
			}
		}
		if repeated, err := order.Decider.Decide(state, c); len(repeated) > 0 {
			t.Fatalf("%T in %q again: %v, %v", c, before.Status, repeated, err)
		}
	}
}

func checkTotal(t *rapid.T, e order.Placed) {
	var total int64
	for _, l := range e.Lines {
		if l.UnitPrice.Currency != e.Total.Currency {
			t.Fatalf("line in %s, total in %s", l.UnitPrice.Currency, e.Total.Currency)
		}
		for range l.Quantity { // slow and plain on purpose: quantities are small here
			if total += l.UnitPrice.Amount; total < 0 {
				t.Fatalf("accepted a total that overflows: %v", e)
			}
		}
	}
	if total != e.Total.Amount {
		t.Fatalf("total %d, lines sum up to %d", e.Total.Amount, total)
	}
}

func line() *rapid.Generator[order.Line] {
	return rapid.Custom(func(t *rapid.T) order.Line {
		return order.Line{
			SKU:      rapid.StringMatching(`[A-Z]{1,3}`).Draw(t, "sku"),
			Quantity: rapid.Int64Range(1, 50).Draw(t, "quantity"),
			UnitPrice: aggregates.Money{
				Amount:   rapid.SampledFrom([]int64{0, 1, 99, 1990, 10_000, math.MaxInt64 / 60, math.MaxInt64}).Draw(t, "amount"),
				Currency: rapid.SampledFrom([]string{"EUR", "EUR", "EUR", "EUR", "EUR", "EUR", "EUR", "USD"}).Draw(t, "currency"),
			},
		}
	})
}

func command() *rapid.Generator[order.Command] {
	step := rapid.SampledFrom([]order.Step{order.StepReserveStock, order.StepAuthorizePayment, "other"})
	reason := rapid.SampledFrom([]order.Reason{order.ReasonOutOfStock, order.ReasonPaymentDeclined, "other"})
	return rapid.Custom(func(t *rapid.T) order.Command {
		switch rapid.SampledFrom([]int{0, 1, 2, 3, 4, 5}).Draw(t, "command") {
		case 0:
			return place(rapid.SliceOfN(line(), 0, 4).Draw(t, "lines")...)
		case 1:
			return order.RequestPayment{OrderID: id, At: at}
		case 2:
			return order.Confirm{OrderID: id, At: at}
		case 3:
			return order.Reject{OrderID: id, Reason: reason.Draw(t, "reason"), At: at}
		case 4:
			return order.Compensate{OrderID: id, Reason: reason.Draw(t, "reason"), Detail: rapid.String().Draw(t, "detail"), At: at}
		default:
			return order.RecordUndone{OrderID: id, Step: step.Draw(t, "step"), At: at}
		}
	})
}
