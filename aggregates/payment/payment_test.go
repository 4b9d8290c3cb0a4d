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

func TestEveryCommandInEveryState(t *testing.T) {
	t.Parallel()
	const contradictory, unknown = payment.CodeContradictoryOutcome, aggregates.CodeNotFound
	for _, row := range []struct {
		name    string
		history []payment.Event
		// one answer for each command below: an event, nil for nothing new, or a code
		answers []any
	}{
		{"none", nil, []any{requested, unknown, unknown, unknown, unknown}},
		{"requested", []payment.Event{requested}, []any{nil, authorized, payment.Authorized{OrderID: orderID, Amount: amount, AuthorizationID: "a-2", At: at}, declined, payment.Declined{OrderID: orderID, Reason: "other", At: at}}},
		{"authorized", []payment.Event{requested, authorized}, []any{nil, nil, contradictory, contradictory, contradictory}},
		{"declined", []payment.Event{requested, declined}, []any{nil, contradictory, contradictory, nil, nil}},
	} {
		commands := []payment.Command{request, recordAsOne, recordAsAnother, recordDeclined, declinedAgain}
		if len(row.answers) != len(commands) {
			t.Fatalf("%s: %d answers for %d commands", row.name, len(row.answers), len(commands))
		}
		for i, c := range commands {
			t.Run(fmt.Sprintf("%T %d in %s", c, i, row.name), func(t *testing.T) {
				t.Parallel()
				outcome := aggregatetest.For(t, payment.Decider).Given(row.history...).When(c)
				switch want := row.answers[i].(type) {
				case string:
					_ = outcome.ThenRefused(want, "")
				case payment.Event:
					outcome.Then(want)
				case nil:
					outcome.ThenNothing()
				}
			})
		}
	}
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

// TestAnyCommands: one intent and at most one outcome, whatever the provider says in whatever order.
func TestAnyCommands(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		state := payment.Decider.Initial()
		var history []string
		commands := rapid.SampledFrom([]payment.Command{request, recordAsOne, recordAsAnother, recordDeclined, declinedAgain})
		for _, c := range rapid.SliceOfN(commands, 1, 20).Draw(t, "commands") {
			events, _ := payment.Decider.Decide(state, c)
			for _, e := range events {
				history = append(history, e.EventType())
			}
			state = payment.Decider.Fold(state, events...)
		}
		switch got := fmt.Sprint(history); got {
		case "[]", "[PaymentAuthorizationRequested]",
			"[PaymentAuthorizationRequested PaymentAuthorized]", "[PaymentAuthorizationRequested PaymentDeclined]":
		default:
			t.Fatalf("history %s", got)
		}
	})
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
