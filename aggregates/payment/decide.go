package payment

import (
	"fmt"

	"github.com/ordo-platform/ordo/aggregates"
)

// CodeContradictoryOutcome is the refusal of a provider's answer that contradicts the one recorded. Somebody has to look
// at it: money may be held that should not be, or the other way round.
const CodeContradictoryOutcome = "contradictory_outcome"

// Limits of what the provider says.
const (
	MaxAuthorizationIDLength = 200
	MaxReasonLength          = 200
)

// Decider decides on payments.
var Decider = aggregates.Decider[State, Command, Event]{
	Initial: func() State { return State{} },
	Decide:  decide,
	Evolve:  evolve,
}

func decide(s State, c Command) ([]Event, error) {
	switch c := c.(type) {
	case Request:
		return request(s, c)
	case RecordAuthorized:
		return recordAuthorized(s, c)
	case RecordDeclined:
		return recordDeclined(s, c)
	default:
		panic(fmt.Sprintf("payment: unknown command %T", c))
	}
}

func request(s State, c Request) ([]Event, error) {
	if s.Status != StatusNone {
		return nil, nil // requested before
	}
	if c.Amount.Amount < 0 {
		return nil, &aggregates.RefusedError{Reason: aggregates.CodeOutOfRange, Detail: "an amount is not below zero", Field: "amount.amount"}
	}
	if err := aggregates.CheckCurrency("amount.currency", c.Amount.Currency); err != nil {
		return nil, err
	}
	return []Event{AuthorizationRequested{
		OrderID: c.OrderID, Amount: c.Amount, Method: c.Method, Key: "authorize-" + c.OrderID, At: c.At,
	}}, nil
}

func recordAuthorized(s State, c RecordAuthorized) ([]Event, error) {
	if err := aggregates.CheckText("authorization_id", c.AuthorizationID, MaxAuthorizationIDLength); err != nil {
		return nil, err // not cleaned: the provider must know it again
	}
	switch s.Status {
	case StatusRequested:
		return []Event{Authorized{OrderID: s.OrderID, Amount: s.Amount, AuthorizationID: c.AuthorizationID, At: c.At}}, nil
	case StatusAuthorized:
		if c.AuthorizationID != s.AuthorizationID {
			return nil, contradiction("the payment is authorised as %s, now also as %s", s.AuthorizationID, c.AuthorizationID)
		}
		return nil, nil
	case StatusDeclined:
		return nil, contradiction("the payment was declined, now it is authorised as %s", c.AuthorizationID)
	case StatusNone:
		return nil, notFound()
	default:
		panic(unknown(s))
	}
}

func recordDeclined(s State, c RecordDeclined) ([]Event, error) {
	switch s.Status {
	case StatusRequested:
		// The reason is only told to people: a bad text must not keep a definite answer from being recorded.
		return []Event{Declined{OrderID: s.OrderID, Reason: aggregates.CleanText(c.Reason, MaxReasonLength), At: c.At}}, nil
	case StatusDeclined:
		return nil, nil
	case StatusAuthorized:
		return nil, contradiction("the payment is authorised as %s, now it is declined", s.AuthorizationID)
	case StatusNone:
		return nil, notFound()
	default:
		panic(unknown(s))
	}
}

func contradiction(format string, args ...any) error {
	return &aggregates.RefusedError{Reason: CodeContradictoryOutcome, Detail: fmt.Sprintf(format, args...)}
}

func notFound() error {
	return &aggregates.RefusedError{Reason: aggregates.CodeNotFound, Detail: "no payment was requested for this order"}
}

// unknown is what to panic with in a status that evolve never gives.
func unknown(s State) string {
	return fmt.Sprintf("payment of %s: unknown status %q", s.OrderID, s.Status)
}
