package payment

import (
	"fmt"
	"time"

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
	case Capture:
		return capture(s, c)
	case RecordCaptured:
		return recordCaptured(s, c)
	case RecordCaptureRefused:
		return recordCaptureRefused(s, c)
	case Undo:
		return undo(s, c)
	case RecordVoided:
		return recordVoided(s, c)
	case RecordVoidRefused:
		return recordVoidRefused(s, c)
	case RecordRefunded:
		return recordRefunded(s, c)
	case RecordRefundRefused:
		return recordRefundRefused(s, c)
	default:
		panic(fmt.Sprintf("payment: unknown command %T", c))
	}
}

func request(s State, c Request) ([]Event, error) {
	if s.Status != StatusNone {
		return nil, nil // requested before, or undone before
	}
	if c.Amount.Amount < 0 {
		return nil, &aggregates.RefusedError{Reason: aggregates.CodeOutOfRange, Detail: "an amount is not below zero", Field: "amount.amount"}
	}
	if err := aggregates.CheckCurrency("amount.currency", c.Amount.Currency); err != nil {
		return nil, err
	}
	return []Event{AuthorizationRequested{
		OrderID: c.OrderID, Amount: c.Amount, Method: c.Method, Key: key(CallAuthorize, c.OrderID, 1), At: c.At,
	}}, nil
}

// key is the idempotency key of a call. Another attempt is another intent: under the old key the provider would repeat
// its old answer.
func key(call Call, orderID string, attempt int) string {
	if attempt > 1 {
		return fmt.Sprintf("%s-%s-%d", call, orderID, attempt)
	}
	return fmt.Sprintf("%s-%s", call, orderID)
}

func capture(s State, c Capture) ([]Event, error) {
	switch s.Status {
	case StatusAuthorized:
		if c.Attempt <= s.Attempt {
			return nil, nil // was refused
		}
		return []Event{CaptureRequested{
			OrderID: s.OrderID, Amount: s.Amount, AuthorizationID: s.AuthorizationID, Key: key(CallCapture, s.OrderID, c.Attempt),
			Attempt: c.Attempt, At: c.At,
		}}, nil
	case StatusCapturing:
		return again(s, c.Attempt, c.At), nil
	case StatusCaptured:
		return nil, nil
	case StatusVoiding, StatusVoided, StatusRefunding, StatusRefunded:
		return nil, nil // too late: it is undone
	case StatusRequested, StatusDeclined:
		return nil, &aggregates.RefusedError{Reason: aggregates.CodeInvalidState, Detail: fmt.Sprintf("the payment is %s: nothing is held", s.Status)}
	case StatusNone:
		return nil, notFound()
	default:
		panic(unknown(s))
	}
}

func undo(s State, c Undo) ([]Event, error) {
	switch s.Status {
	case StatusNone, StatusDeclined:
		return []Event{Voided{OrderID: c.OrderID, At: c.At}}, nil
	case StatusRequested, StatusCapturing:
		return []Event{UndoRequested(c)}, nil
	case StatusAuthorized:
		return []Event{voidOf(s, c)}, nil
	case StatusCaptured:
		return []Event{refundOf(s, c)}, nil
	case StatusVoiding, StatusRefunding:
		switch {
		case s.Open != (Intent{}) || c.Attempt <= s.Attempt:
			return again(s, c.Attempt, c.At), nil
		case s.Status == StatusRefunding: // it was refused, here and below
			return []Event{refundOf(s, c)}, nil
		}
		return []Event{voidOf(s, c)}, nil
	case StatusVoided, StatusRefunded:
		return nil, nil
	default:
		panic(unknown(s))
	}
}

// again is the answer to who wants a call that is open.
func again(s State, attempt int, at time.Time) []Event {
	if attempt <= s.Attempt {
		return nil
	}
	return []Event{RetryRequested{OrderID: s.OrderID, Attempt: attempt, At: at}}
}

func voidOf(s State, c Undo) VoidRequested {
	return VoidRequested{
		OrderID: s.OrderID, AuthorizationID: s.AuthorizationID, Key: key(CallVoid, s.OrderID, c.Attempt), Attempt: c.Attempt, At: c.At,
	}
}

func refundOf(s State, c Undo) RefundRequested {
	return RefundRequested{
		OrderID: s.OrderID, Amount: s.Amount, AuthorizationID: s.AuthorizationID, Key: key(CallRefund, s.OrderID, c.Attempt),
		Attempt: c.Attempt, At: c.At,
	}
}

func notFound() error {
	return &aggregates.RefusedError{Reason: aggregates.CodeNotFound, Detail: "no payment was requested for this order"}
}

// unknown is what to panic with in a status that evolve never gives.
func unknown(s State) string {
	return fmt.Sprintf("payment of %s: unknown status %q", s.OrderID, s.Status)
}
