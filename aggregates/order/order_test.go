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

// histories lead to each status there is, by each way that matters for what may come next.
var histories = []struct {
	name   string
	events []order.Event
}{
	{"none", nil},
	{"placed", []order.Event{placed}},
	{"awaiting payment", []order.Event{placed, paymentRequested}},
	{"confirmed", authorized},
	{"shipping, to be captured", shipping},
	{"shipping, to leave the stock", append(slices.Clip(shipping), commitRequested)},
	{"shipped", append(slices.Clip(shipping), commitRequested, shipped)},
	{"shipping is stuck, not captured", append(slices.Clip(shipping), stuck(order.StepCapturePayment, 1))},
	{"shipping is stuck, captured", append(slices.Clip(shipping), commitRequested, stuck(order.StepCommitStock, 1))},
	{"shipping again", append(slices.Clip(shipping), stuck(order.StepCapturePayment, 1), again(order.StepCapturePayment, 2))},
	{"declined", []order.Event{placed, paymentRequested, started}},
	{"cancelling before payment", []order.Event{placed, cancelling(order.StepReserveStock)}},
	{"cancelling after payment", append(slices.Clip(authorized), cancelling(order.StepAuthorizePayment, order.StepReserveStock))},
	{"undoing is stuck", append(slices.Clip(authorized), cancelling(order.StepAuthorizePayment, order.StepReserveStock), stuck(order.StepVoidPayment, 1))},
	{"rejected, out of stock", []order.Event{placed, outOfStock}},
	{"rejected, declined", []order.Event{placed, paymentRequested, started, declined}},
	{"cancelled", []order.Event{placed, cancelling(order.StepReserveStock), cancelled}},
}

var (
	parcel = order.Shipment{Carrier: "DHL", TrackingNumber: "JD014600003RU"}

	paymentRequested = order.PaymentRequested{OrderID: id, Amount: eur(5480), PaymentMethod: "pm_ok", At: at}
	confirmed        = order.Confirmed{OrderID: id, At: at}
	outOfStock       = order.Rejected{OrderID: id, Reason: order.ReasonOutOfStock, Shortages: short, At: at}
	declined         = order.Rejected{OrderID: id, Reason: order.ReasonPaymentDeclined, At: at}
	cancelled        = order.Cancelled{OrderID: id, Reason: order.ReasonOnRequest, At: at}
	advanced         = order.CompensationAdvanced{
		OrderID: id, Undone: order.StepAuthorizePayment, Next: order.StepReserveStock, Lines: items, At: at,
	}
	started = order.CompensationStarted{
		OrderID: id, Reason: order.ReasonPaymentDeclined, Detail: "card expired", Undo: []order.Step{order.StepReserveStock}, Lines: items, At: at,
	}
	shipmentRequested = order.ShipmentRequested{OrderID: id, Shipment: parcel, At: at}
	commitRequested   = order.CommitRequested{OrderID: id, Lines: items, At: at}
	shipped           = order.Shipped{OrderID: id, Shipment: parcel, At: at}

	authorized = []order.Event{placed, paymentRequested, confirmed}
	shipping   = []order.Event{placed, paymentRequested, confirmed, shipmentRequested}
)

func cancelling(undo ...order.Step) order.CancellationRequested {
	return order.CancellationRequested{
		OrderID: id, Reason: order.ReasonOnRequest, Detail: "changed my mind", Undo: undo, Lines: items, At: at,
	}
}

func timedOut(step order.Step, undo ...order.Step) order.CancellationRequested {
	return order.CancellationRequested{
		OrderID: id, Reason: order.ReasonTimedOut, Detail: fmt.Sprintf("no answer to %s in time", step), Undo: undo, Lines: items, At: at,
	}
}

func stuck(step order.Step, attempt int) order.AttentionNeeded {
	return order.AttentionNeeded{OrderID: id, Wait: order.Wait{Step: step, Attempt: attempt}, Cause: order.CauseOverdue, At: at}
}

func refused(step order.Step) order.AttentionNeeded {
	return order.AttentionNeeded{
		OrderID: id, Wait: order.Wait{Step: step, Attempt: 1}, Cause: order.CauseRefused, Detail: "hold expired", At: at,
	}
}

func again(step order.Step, attempt int) order.RetryRequested {
	return order.RetryRequested{OrderID: id, Wait: order.Wait{Step: step, Attempt: attempt}, Reason: "provider is back", Lines: items, At: at}
}

// TestEveryCommandInEveryState is the order's behaviour on one screen: a row for each command, a sign for each history:
//
//	x  the next of the row's events    .  nothing new    !  refused: invalid state    ?  refused: no such order
//	p  refused: placed already         u  refused: another step has to be undone first
func TestEveryCommandInEveryState(t *testing.T) {
	t.Parallel()
	deadline := func(step order.Step, attempt int) order.PassDeadline {
		return order.PassDeadline{OrderID: id, Wait: order.Wait{Step: step, Attempt: attempt}, At: at}
	}
	no := func(step order.Step) order.RecordRefused {
		return order.RecordRefused{OrderID: id, Wait: order.Wait{Step: step, Attempt: 1}, Detail: "hold\nexpired", At: at}
	}
	payment, stock := order.StepAuthorizePayment, order.StepReserveStock
	codes := map[rune]string{
		'!': aggregates.CodeInvalidState, '?': aggregates.CodeNotFound, 'p': order.CodeAlreadyPlaced, 'u': order.CodeUndoOutOfOrder,
	}
	for _, row := range []struct {
		command order.Command
		answers string
		events  []order.Event
	}{
		//                                                   none, placed, awaiting, confirmed | shipping: capture, commit, shipped, stuck, stuck, again
		//                                                   | declined, cancelling before, after, stuck | out of stock, declined, cancelled
		{place(lines...), "xppp pppppp pppp ppp", []order.Event{placed}},
		{order.RequestPayment{OrderID: id, At: at}, "?x.. ...... .... ...", []order.Event{paymentRequested}},
		{order.Confirm{OrderID: id, At: at}, "?!x. ...... .... ...", []order.Event{confirmed}},
		{
			order.Reject{OrderID: id, Reason: order.ReasonOutOfStock, Shortages: short, At: at},
			"?x!! !!!!!! !x!! ...",
			[]order.Event{outOfStock, cancelled},
		},
		{
			order.Compensate{OrderID: id, Reason: order.ReasonPaymentDeclined, Detail: "card\nexpired", At: at},
			"?!x! !!!..! .... ...",
			[]order.Event{started},
		},
		{order.RecordUndone{OrderID: id, Step: stock, At: at}, "?!!! !!!!!! xxuu ...", []order.Event{declined, cancelled}},
		{order.RecordUndone{OrderID: id, Step: payment, At: at}, "?!!! !!!!!! ..xx ...", []order.Event{advanced, advanced}},

		{order.Ship{OrderID: id, Shipment: parcel, At: at}, "?!!x ...... !!!! !!!", []order.Event{shipmentRequested}},
		{order.Ship{OrderID: id, Shipment: order.Shipment{Carrier: "UPS", TrackingNumber: "1"}, At: at}, "?!!x !!!!!! !!!! !!!", []order.Event{
			order.ShipmentRequested{OrderID: id, Shipment: order.Shipment{Carrier: "UPS", TrackingNumber: "1"}, At: at},
		}},
		{order.RequestCommit{OrderID: id, At: at}, "?!!! x..x.x .... !!.", []order.Event{commitRequested, commitRequested, commitRequested}},
		{order.CompleteShipment{OrderID: id, At: at}, "?!!! !x.!x! !!!! !!!", []order.Event{shipped, shipped}},

		{order.Cancel{OrderID: id, Reason: "changed my mind", At: at}, "?xxx !!!x!! .... !!.", []order.Event{
			cancelling(stock), cancelling(payment, stock), cancelling(payment, stock), cancelling(payment, stock),
		}},
		{deadline(order.StepReserveStock, 1), ".x.. ...... .... ...", []order.Event{timedOut(stock, stock)}},
		{deadline(order.StepAuthorizePayment, 1), "..x. ...... .... ...", []order.Event{timedOut(payment, payment, stock)}},
		{deadline(order.StepCapturePayment, 1), ".... x..... .... ...", []order.Event{stuck(order.StepCapturePayment, 1)}},
		{deadline(order.StepCapturePayment, 2), ".... .....x .... ...", []order.Event{stuck(order.StepCapturePayment, 2)}},
		{deadline(order.StepCommitStock, 1), ".... .x.... .... ...", []order.Event{stuck(order.StepCommitStock, 1)}},
		{deadline(order.StepVoidPayment, 1), ".... ...... ..x. ...", []order.Event{stuck(order.StepVoidPayment, 1)}},
		{deadline(order.StepReleaseStock, 1), ".... ...... xx.. ...", []order.Event{stuck(order.StepReleaseStock, 1), stuck(order.StepReleaseStock, 1)}},
		{deadline("", 0), ".... ...... .... ...", nil},
		{no(order.StepReserveStock), ".!.. ...... .... ...", nil},
		{no(order.StepAuthorizePayment), "..!. ...... .... ...", nil},
		{no(order.StepCapturePayment), ".... x..... .... ...", []order.Event{refused(order.StepCapturePayment)}},
		{no(order.StepVoidPayment), ".... ...... ..x. ...", []order.Event{refused(order.StepVoidPayment)}},
		{order.Retry{OrderID: id, Reason: "provider is back", At: at}, "?!!! !!!xx. !!!x !!!", []order.Event{
			again(order.StepCapturePayment, 2), again(order.StepCommitStock, 2), again(order.StepVoidPayment, 2),
		}},
	} {
		answers := []rune(strings.ReplaceAll(row.answers, " ", ""))
		if len(answers) != len(histories) {
			t.Fatalf("%T has %d answers for %d histories", row.command, len(answers), len(histories))
		}
		events := row.events
		for i, h := range histories {
			sign := answers[i]
			var want order.Event
			if sign == 'x' {
				want, events = events[0], events[1:]
			}
			t.Run(fmt.Sprintf("%T in %s", row.command, h.name), func(t *testing.T) {
				t.Parallel()
				outcome := aggregatetest.For(t, order.Decider).Given(h.events...).When(row.command)
				switch sign {
				case 'x':
					outcome.Then(want)
				case '.':
					outcome.ThenNothing()
				case 'u':
					_ = outcome.ThenRefused(codes[sign], "step")
				default:
					_ = outcome.ThenRefused(codes[sign], "")
				}
			})
		}
		if len(events) > 0 {
			t.Errorf("%T: %d events are left over", row.command, len(events))
		}
	}
}

func TestRequestsRefuse(t *testing.T) {
	t.Parallel()
	s := aggregatetest.For(t, order.Decider).Given(authorized...)
	for _, bad := range []struct {
		command     order.Command
		code, field string
	}{
		{order.Ship{Shipment: order.Shipment{TrackingNumber: "1"}}, aggregates.CodeRequired, "carrier"},
		{order.Ship{Shipment: order.Shipment{Carrier: "DHL"}}, aggregates.CodeRequired, "tracking_number"},
		{order.Ship{Shipment: order.Shipment{Carrier: strings.Repeat("x", 65), TrackingNumber: "1"}}, aggregates.CodeTooLong, "carrier"},
		{order.Ship{Shipment: order.Shipment{Carrier: "DHL", TrackingNumber: "\x00"}}, aggregates.CodeInvalidCharacters, "tracking_number"},
		{order.Cancel{}, aggregates.CodeRequired, "reason"},
		{order.Cancel{Reason: strings.Repeat("x", 201)}, aggregates.CodeTooLong, "reason"},
		{order.Retry{}, aggregates.CodeRequired, "reason"},
	} {
		_ = s.When(bad.command).ThenRefused(bad.code, bad.field)
	}
	stuckVoid := s.Given(cancelling(order.StepAuthorizePayment, order.StepReserveStock), stuck(order.StepVoidPayment, 1))
	_ = stuckVoid.When(order.Retry{Step: order.StepReleaseStock, Reason: "now"}).ThenRefused(aggregates.CodeInvalidState, "step")
	stuckVoid.When(order.Retry{Step: order.StepVoidPayment, Reason: "provider is back", At: at}).Then(again(order.StepVoidPayment, 2))
}

// TestLateAnswersAreTaken: an order that needs attention goes on by itself when the answer comes after all.
func TestLateAnswersAreTaken(t *testing.T) {
	t.Parallel()
	fold := func(events ...order.Event) order.State { return order.Decider.Fold(order.Decider.Initial(), events...) }
	undoing := append(slices.Clip(authorized), cancelling(order.StepAuthorizePayment, order.StepReserveStock), stuck(order.StepVoidPayment, 1), advanced)
	if s := fold(undoing...); s.Status != order.StatusCancelling || s.Wait.Step != order.StepReleaseStock {
		t.Errorf("after the void came late: %s, waiting for %v", s.Status, s.Wait)
	}
	leaving := append(slices.Clip(shipping), stuck(order.StepCapturePayment, 1), commitRequested)
	if s := fold(leaving...); s.Status != order.StatusConfirmed || s.Wait.Step != order.StepCommitStock {
		t.Errorf("after the capture came late: %s, waiting for %v", s.Status, s.Wait)
	}
	retried := append(slices.Clip(authorized), cancelling(order.StepAuthorizePayment, order.StepReserveStock), stuck(order.StepVoidPayment, 1), again(order.StepVoidPayment, 2))
	if s := fold(retried...); s.Status != order.StatusCancelling || s.Wait != (order.Wait{Step: order.StepVoidPayment, Attempt: 2}) {
		t.Errorf("after the void is tried again: %s, waiting for %v", s.Status, s.Wait)
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
		Given(authorized...).Given(cancelling(order.StepAuthorizePayment, order.StepReserveStock), advanced)
	half.When(payment).ThenNothing()
	half.When(stock).Then(cancelled)
	half.Given(cancelled).When(stock).ThenNothing()
	half.Given(cancelled).When(payment).ThenNothing()
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
			case order.Shipped, order.Rejected, order.Cancelled:
				ended = true
			case order.CancellationRequested:
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
	awaited := rapid.SampledFrom([]order.Step{
		order.StepReserveStock, order.StepAuthorizePayment, order.StepCapturePayment, order.StepCommitStock, order.StepVoidPayment, order.StepReleaseStock, "",
	})
	reason := rapid.SampledFrom([]order.Reason{order.ReasonOutOfStock, order.ReasonPaymentDeclined, "other"})
	return rapid.Custom(func(t *rapid.T) order.Command {
		wait := order.Wait{Step: awaited.Draw(t, "awaited"), Attempt: rapid.IntRange(1, 2).Draw(t, "attempt")}
		switch rapid.IntRange(0, 12).Draw(t, "command") {
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
		case 5:
			return order.RecordUndone{OrderID: id, Step: step.Draw(t, "step"), At: at}
		case 6:
			return order.Ship{OrderID: id, Shipment: parcel, At: at}
		case 7:
			return order.RequestCommit{OrderID: id, At: at}
		case 8:
			return order.CompleteShipment{OrderID: id, At: at}
		case 9:
			return order.Cancel{OrderID: id, Reason: "changed my mind", At: at}
		case 10:
			return order.PassDeadline{OrderID: id, Wait: wait, At: at}
		case 11:
			return order.RecordRefused{OrderID: id, Wait: wait, Detail: rapid.String().Draw(t, "detail"), At: at}
		default:
			return order.Retry{OrderID: id, Step: wait.Step, Reason: "provider is back", At: at}
		}
	})
}
