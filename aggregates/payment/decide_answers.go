package payment

import (
	"fmt"
	"slices"

	"github.com/ordo-platform/ordo/aggregates"
)

// The decisions in this file are about what the provider answers. An answer to the open call is recorded; the same answer
// again is nothing new; any other contradicts.

func recordAuthorized(s State, c RecordAuthorized) ([]Event, error) {
	if err := aggregates.CheckText("authorization_id", c.AuthorizationID, MaxAuthorizationIDLength); err != nil {
		return nil, err // not cleaned: the provider must know it again
	}
	switch {
	case s.Status == StatusNone:
		return nil, notFound()
	case s.Open.Call == CallAuthorize:
		authorized := Authorized{OrderID: s.OrderID, Amount: s.Amount, AuthorizationID: c.AuthorizationID, At: c.At}
		if s.Status != StatusVoiding {
			return []Event{authorized}, nil
		}
		s.AuthorizationID = c.AuthorizationID // a late success undoes itself
		return []Event{authorized, voidOf(s, Undo{OrderID: s.OrderID, Attempt: s.Attempt, At: c.At})}, nil
	case s.AuthorizationID == "":
		return nil, contradiction(s, "authorised as "+c.AuthorizationID)
	case c.AuthorizationID != s.AuthorizationID:
		return nil, contradiction(s, fmt.Sprintf("authorised as %s, and also as %s", s.AuthorizationID, c.AuthorizationID))
	}
	return nil, nil
}

func recordDeclined(s State, c RecordDeclined) ([]Event, error) {
	switch {
	case s.Status == StatusNone:
		return nil, notFound()
	case s.Open.Call == CallAuthorize:
		declined := Declined{OrderID: s.OrderID, Reason: reason(c.Reason), At: c.At}
		if s.Status != StatusVoiding {
			return []Event{declined}, nil
		}
		return []Event{declined, Voided{OrderID: s.OrderID, At: c.At}}, nil
	case s.AuthorizationID != "":
		return nil, contradiction(s, "declined")
	}
	return nil, nil
}

func recordCaptured(s State, c RecordCaptured) ([]Event, error) {
	if s.Open == (Intent{CallCapture, c.Key}) {
		captured := Captured{OrderID: s.OrderID, Amount: s.Amount, At: c.At}
		if s.Status != StatusVoiding {
			return []Event{captured}, nil
		}
		return []Event{captured, refundOf(s, Undo{OrderID: s.OrderID, Attempt: s.Attempt, At: c.At})}, nil
	}
	return answered(s, "captured", StatusCaptured, StatusRefunding, StatusRefunded)
}

func recordCaptureRefused(s State, c RecordCaptureRefused) ([]Event, error) {
	if s.Open == (Intent{CallCapture, c.Key}) {
		refused := CaptureRefused{OrderID: s.OrderID, Reason: reason(c.Reason), Attempt: s.Attempt, At: c.At}
		if s.Status != StatusVoiding {
			return []Event{refused}, nil
		}
		return []Event{refused, voidOf(s, Undo{OrderID: s.OrderID, Attempt: s.Attempt, At: c.At})}, nil
	}
	return refusedBefore(s, c.Key == key(CallCapture, s.OrderID, s.Attempt), "not captured", StatusCaptured, StatusRefunding, StatusRefunded)
}

func recordVoided(s State, c RecordVoided) ([]Event, error) {
	if s.Open == (Intent{CallVoid, c.Key}) {
		return []Event{Voided{OrderID: s.OrderID, At: c.At}}, nil
	}
	return answered(s, "voided", StatusVoided)
}

func recordVoidRefused(s State, c RecordVoidRefused) ([]Event, error) {
	if s.Open == (Intent{CallVoid, c.Key}) {
		return []Event{VoidRefused{OrderID: s.OrderID, Reason: reason(c.Reason), Attempt: s.Attempt, At: c.At}}, nil
	}
	return refusedBefore(s, c.Key == key(CallVoid, s.OrderID, s.Attempt), "not voided", StatusVoided)
}

func recordRefunded(s State, c RecordRefunded) ([]Event, error) {
	if s.Open == (Intent{CallRefund, c.Key}) {
		return []Event{Refunded{OrderID: s.OrderID, Amount: s.Amount, At: c.At}}, nil
	}
	return answered(s, "refunded", StatusRefunded)
}

func recordRefundRefused(s State, c RecordRefundRefused) ([]Event, error) {
	if s.Open == (Intent{CallRefund, c.Key}) {
		return []Event{RefundRefused{OrderID: s.OrderID, Reason: reason(c.Reason), Attempt: s.Attempt, At: c.At}}, nil
	}
	return refusedBefore(s, c.Key == key(CallRefund, s.OrderID, s.Attempt), "not refunded", StatusRefunded)
}

// answered accepts an answer to a call that is not open in the statuses it has led to.
func answered(s State, answer string, ledTo ...Status) ([]Event, error) {
	switch {
	case s.Status == StatusNone:
		return nil, notFound()
	case slices.Contains(ledTo, s.Status):
		return nil, nil
	}
	return nil, contradiction(s, answer)
}

// refusedBefore accepts a definite no to a call that is not open, unless the newest attempt at it has succeeded.
func refusedBefore(s State, newest bool, answer string, succeeded ...Status) ([]Event, error) {
	switch {
	case s.Status == StatusNone:
		return nil, notFound()
	case newest && slices.Contains(succeeded, s.Status):
		return nil, contradiction(s, answer)
	}
	return nil, nil
}

func contradiction(s State, answer string) error {
	return &aggregates.RefusedError{
		Reason: CodeContradictoryOutcome, Detail: fmt.Sprintf("the payment is %s, the provider says it is %s", s.Status, answer),
	}
}

// reason is what the provider says why not. It is only told to people: a bad text must not keep a definite answer from
// being recorded.
func reason(s string) string { return aggregates.CleanText(s, MaxReasonLength) }
