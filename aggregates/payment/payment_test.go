package payment_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/aggregatetest"
	"github.com/ordo-platform/ordo/aggregates/payment"
)

const orderID = "0198c7a2-0000-7000-8000-000000000001"

var (
	at     = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	amount = aggregates.Money{Amount: 5480, Currency: "EUR"}

	requested = payment.AuthorizationRequested{
		OrderID: orderID, Amount: amount, Method: "pm_ok", Key: "authorize-" + orderID, At: at,
	}
	authorized = payment.Authorized{OrderID: orderID, Amount: amount, AuthorizationID: "a-1", At: at}
	declined   = payment.Declined{OrderID: orderID, Reason: "card_expired", At: at}

	request         = payment.Request{OrderID: orderID, Amount: amount, Method: "pm_ok", At: at}
	recordDeclined  = payment.RecordDeclined{OrderID: orderID, Reason: "card_expired", At: at}
	declinedAgain   = payment.RecordDeclined{OrderID: orderID, Reason: "other", At: at}
	recordAsOne     = payment.RecordAuthorized{OrderID: orderID, AuthorizationID: "a-1", At: at}
	recordAsAnother = payment.RecordAuthorized{OrderID: orderID, AuthorizationID: "a-2", At: at}
)

var (
	captureRequested = payment.CaptureRequested{OrderID: orderID, Amount: amount, AuthorizationID: "a-1", Key: "capture-" + orderID, Attempt: 1, At: at}
	captureAgain     = payment.CaptureRequested{OrderID: orderID, Amount: amount, AuthorizationID: "a-1", Key: "capture-" + orderID + "-2", Attempt: 2, At: at}
	captured         = payment.Captured{OrderID: orderID, Amount: amount, At: at}
	captureRefused   = payment.CaptureRefused{OrderID: orderID, Reason: "hold_expired", Attempt: 1, At: at}
	undoRequested    = payment.UndoRequested{OrderID: orderID, Attempt: 1, At: at}
	retried          = payment.RetryRequested{OrderID: orderID, Attempt: 2, At: at}
	voidRequested    = payment.VoidRequested{OrderID: orderID, AuthorizationID: "a-1", Key: "void-" + orderID, Attempt: 1, At: at}
	voidAgain        = payment.VoidRequested{OrderID: orderID, AuthorizationID: "a-1", Key: "void-" + orderID + "-2", Attempt: 2, At: at}
	voided           = payment.Voided{OrderID: orderID, At: at}
	voidRefused      = payment.VoidRefused{OrderID: orderID, Reason: "try_later", Attempt: 1, At: at}
	refundRequested  = payment.RefundRequested{OrderID: orderID, Amount: amount, AuthorizationID: "a-1", Key: "refund-" + orderID, Attempt: 1, At: at}
	refundAgain      = payment.RefundRequested{OrderID: orderID, Amount: amount, AuthorizationID: "a-1", Key: "refund-" + orderID + "-2", Attempt: 2, At: at}
	refunded         = payment.Refunded{OrderID: orderID, Amount: amount, At: at}
	refundRefused    = payment.RefundRefused{OrderID: orderID, Reason: "closed_account", Attempt: 1, At: at}
)

// histories lead to each status there is, by each way that matters for what may come next.
var histories = []struct {
	name   string
	events []payment.Event
}{
	{"none", nil},
	{"requested", []payment.Event{requested}},
	{"authorized", []payment.Event{requested, authorized}},
	{"declined", []payment.Event{requested, declined}},
	{"capturing", []payment.Event{requested, authorized, captureRequested}},
	{"captured", []payment.Event{requested, authorized, captureRequested, captured}},
	{"capture refused", []payment.Event{requested, authorized, captureRequested, captureRefused}},
	{"undone while requested", []payment.Event{requested, undoRequested}},
	{"undone while capturing", []payment.Event{requested, authorized, captureRequested, undoRequested}},
	{"voiding", []payment.Event{requested, authorized, voidRequested}},
	{"void refused", []payment.Event{requested, authorized, voidRequested, voidRefused}},
	{"voided", []payment.Event{requested, authorized, voidRequested, voided}},
	{"undone first of all", []payment.Event{voided}},
	{"refunding", []payment.Event{requested, authorized, captureRequested, captured, refundRequested}},
	{"refund refused", []payment.Event{requested, authorized, captureRequested, captured, refundRequested, refundRefused}},
	{"refunded", []payment.Event{requested, authorized, captureRequested, captured, refundRequested, refunded}},
}

// TestEveryCommandInEveryState is the payment's behaviour on one screen: a row for each command, a sign for each history:
//
//	x  the next of the row's events    .  nothing new    !  refused: invalid state    ?  refused: not found
//	#  refused: contradicts the answer there is
func TestEveryCommandInEveryState(t *testing.T) {
	t.Parallel()
	codes := map[rune]string{'!': aggregates.CodeInvalidState, '?': aggregates.CodeNotFound, '#': payment.CodeContradictoryOutcome}
	type events [][]payment.Event
	one := func(e payment.Event) []payment.Event { return []payment.Event{e} }
	another := payment.Authorized{OrderID: orderID, Amount: amount, AuthorizationID: "a-2", At: at}
	anotherVoid := payment.VoidRequested{OrderID: orderID, AuthorizationID: "a-2", Key: "void-" + orderID, Attempt: 1, At: at}
	other := payment.Declined{OrderID: orderID, Reason: "other", At: at}
	for _, row := range []struct {
		command payment.Command
		answers string
		events  events
	}{
		// none, requested, authorized, declined | capturing, captured, refused | undone while requested, while capturing
		// | voiding, refused, voided, undone first of all | refunding, refused, refunded
		{request, "x... ... .. .... ...", events{one(requested)}},
		{recordAsOne, "?x.# ... x. ...# ...", events{one(authorized), {authorized, voidRequested}}},
		{recordAsAnother, "?x## ### x# #### ###", events{one(another), {another, anotherVoid}}},
		{recordDeclined, "?x#. ### x# ###. ###", events{one(declined), {declined, voided}}},
		{declinedAgain, "?x#. ### x# ###. ###", events{one(other), {other, voided}}},
		{payment.Capture{OrderID: orderID, Attempt: 1, At: at}, "?!x! ... .. .... ...", events{one(captureRequested)}},
		{payment.Capture{OrderID: orderID, Attempt: 2, At: at}, "?!x! x.x .. .... ...", events{one(captureAgain), one(retried), one(captureAgain)}},
		{payment.RecordCaptured{OrderID: orderID, Key: "capture-" + orderID, At: at}, "?### x.# #x #### ...", events{one(captured), {captured, refundRequested}}},
		{
			payment.RecordCaptureRefused{OrderID: orderID, Key: "capture-" + orderID, Reason: "hold\n_expired", At: at},
			"?... x#. .x .... ###",
			events{one(refusedAs("hold _expired")), {refusedAs("hold _expired"), voidRequested}},
		},
		{payment.Undo{OrderID: orderID, Attempt: 1, At: at}, "xxxx xxx .. .... ...", events{
			one(voided), one(undoRequested), one(voidRequested), one(voided), one(undoRequested), one(refundRequested), one(voidRequested),
		}},
		{payment.Undo{OrderID: orderID, Attempt: 2, At: at}, "xxxx xxx xx xx.. xx.", events{
			one(voided), one(payment.UndoRequested{OrderID: orderID, Attempt: 2, At: at}), one(voidAgain), one(voided),
			one(payment.UndoRequested{OrderID: orderID, Attempt: 2, At: at}), one(refundAgain), one(voidAgain),
			one(retried), one(retried), one(retried), one(voidAgain), one(retried), one(refundAgain),
		}},
		{payment.RecordVoided{OrderID: orderID, Key: "void-" + orderID, At: at}, "?### ### ## x#.. ###", events{one(voided)}},
		{payment.RecordVoidRefused{OrderID: orderID, Key: "void-" + orderID, Reason: "try_later", At: at}, "?... ... .. x.## ...", events{one(voidRefused)}},
		{payment.RecordRefunded{OrderID: orderID, Key: "refund-" + orderID, At: at}, "?### ### ## #### x#.", events{one(refunded)}},
		{payment.RecordRefundRefused{OrderID: orderID, Key: "refund-" + orderID, Reason: "closed_account", At: at}, "?... ... .. .... x.#", events{one(refundRefused)}},
	} {
		answers := []rune(strings.ReplaceAll(row.answers, " ", ""))
		if len(answers) != len(histories) {
			t.Fatalf("%T has %d answers for %d histories", row.command, len(answers), len(histories))
		}
		left := row.events
		for i, h := range histories {
			sign := answers[i]
			var want []payment.Event
			if sign == 'x' {
				want, left = left[0], left[1:]
			}
			t.Run(fmt.Sprintf("%T in %s", row.command, h.name), func(t *testing.T) {
				t.Parallel()
				outcome := aggregatetest.For(t, payment.Decider).Given(h.events...).When(row.command)
				if code := codes[sign]; code != "" {
					_ = outcome.ThenRefused(code, "")
					return
				}
				outcome.Then(want...)
			})
		}
		if len(left) > 0 {
			t.Errorf("%T: %d answers are left over", row.command, len(left))
		}
	}
}

func refusedAs(reason string) payment.CaptureRefused {
	return payment.CaptureRefused{OrderID: orderID, Reason: reason, Attempt: 1, At: at}
}

func TestWhatTheProviderSays(t *testing.T) {
	t.Parallel()
	s := aggregatetest.For(t, payment.Decider).Given(requested)
	for id, code := range map[string]string{
		"": aggregates.CodeRequired, "a\x00": aggregates.CodeInvalidCharacters, strings.Repeat("a", 201): aggregates.CodeTooLong,
	} {
		_ = s.When(payment.RecordAuthorized{OrderID: orderID, AuthorizationID: id}).ThenRefused(code, "authorization_id")
	}
	s.When(payment.RecordDeclined{OrderID: orderID, Reason: " no\x00\nfunds\xff " + strings.Repeat("!", 500), At: at}).
		Then(payment.Declined{OrderID: orderID, Reason: "no funds\uFFFD " + strings.Repeat("!", 190), At: at})
	s.When(payment.RecordDeclined{OrderID: orderID, At: at}).Then(payment.Declined{OrderID: orderID, At: at})
}

func TestRequestRefuses(t *testing.T) {
	t.Parallel()
	s := aggregatetest.For(t, payment.Decider)
	_ = s.When(payment.Request{OrderID: orderID, Amount: aggregates.Money{Amount: -1, Currency: "EUR"}}).ThenRefused(aggregates.CodeOutOfRange, "amount.amount")
	_ = s.When(payment.Request{OrderID: orderID}).ThenRefused(aggregates.CodeInvalidCurrency, "amount.currency")
}

// TestAnyCommands plays a provider that answers what it is asked, in any order with what the order wants. In the end,
// money is authorised at most once, and neither held nor taken once it is undone.
func TestAnyCommands(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		state := payment.Decider.Initial()
		var held, taken int64
		count := map[string]int{}
		for range rapid.IntRange(1, 40).Draw(t, "commands") {
			c := answerTo(t, state)
			if rapid.Bool().Draw(t, "asked") {
				attempt := rapid.IntRange(1, 3).Draw(t, "attempt")
				c = rapid.SampledFrom([]payment.Command{
					request, payment.Capture{OrderID: orderID, Attempt: attempt, At: at}, payment.Undo{OrderID: orderID, Attempt: attempt, At: at},
				}).Draw(t, "command")
			}
			events, _ := payment.Decider.Decide(state, c)
			for _, e := range events {
				count[e.EventType()]++
				switch e.(type) {
				case payment.Authorized:
					held += amount.Amount
				case payment.Captured:
					held, taken = held-amount.Amount, taken+amount.Amount
				case payment.Voided:
					held = 0 // it says so: either it was held and is let go, or it never was
				case payment.Refunded:
					taken -= amount.Amount
				}
			}
			state = payment.Decider.Fold(state, events...)
			if held < 0 || taken < 0 || held+taken > amount.Amount {
				t.Fatalf("%d held, %d taken after %T", held, taken, c)
			}
			switch ended := state.Status; {
			case ended == payment.StatusVoided && (held > 0 || taken > 0), ended == payment.StatusRefunded && (held > 0 || taken > 0):
				t.Fatalf("%s, but %d held and %d taken", ended, held, taken)
			case ended == payment.StatusCaptured && taken != amount.Amount:
				t.Fatalf("captured, but %d taken", taken)
			}
		}
		for _, once := range []payment.Event{requested, authorized, captured, voided, refunded} {
			if n := count[once.EventType()]; n > 1 {
				t.Fatalf("%d times %s", n, once.EventType())
			}
		}
	})
}

// answerTo is what a provider says to the open call. To a call that is not open it has nothing to say.
func answerTo(t *rapid.T, s payment.State) payment.Command {
	yes, key := rapid.Bool().Draw(t, "yes"), s.Open.Key
	switch s.Open.Call {
	case payment.CallCapture:
		if yes {
			return payment.RecordCaptured{OrderID: orderID, Key: key, At: at}
		}
		return payment.RecordCaptureRefused{OrderID: orderID, Key: key, At: at}
	case payment.CallVoid:
		if yes {
			return payment.RecordVoided{OrderID: orderID, Key: key, At: at}
		}
		return payment.RecordVoidRefused{OrderID: orderID, Key: key, At: at}
	case payment.CallRefund:
		if yes {
			return payment.RecordRefunded{OrderID: orderID, Key: key, At: at}
		}
		return payment.RecordRefundRefused{OrderID: orderID, Key: key, At: at}
	case payment.CallNone, payment.CallAuthorize:
	}
	if yes {
		return recordAsOne
	}
	return recordDeclined
}

func TestEvolvePanicsOnForeignEvents(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("an event that is not of a payment was folded into one")
		}
	}()
	payment.Decider.Fold(payment.State{}, &requested)
}
