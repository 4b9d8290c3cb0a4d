package payments

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/payment"
	"github.com/ordo-platform/ordo/internal/psp"
)

// nothingToPay stands in place of the provider's id where there was nothing to hold, so that nobody was asked.
const nothingToPay = "none"

// verbs are the calls about an authorisation that was given.
var verbs = map[payment.Call]psp.Kind{
	payment.CallCapture: psp.KindCapture,
	payment.CallVoid:    psp.KindVoid,
	payment.CallRefund:  psp.KindRefund,
}

// done is what the provider declines a verb with when things are as the verb would make them, so that there is no need
// for it: somebody did it at the provider's, or under another key.
var done = map[payment.Call]string{
	payment.CallCapture: psp.ReasonAlreadyCaptured,
	payment.CallVoid:    psp.ReasonAlreadyVoided,
	payment.CallRefund:  psp.ReasonAlreadyRefunded,
}

// ask gets the provider's answer to the call that a payment has open. A repeated attempt asks first what became of the
// ones before: a provider that did what it was told but cannot say so may still be able to tell when asked.
//
// A request that is wrong in itself is never done, however often it is made: a definite no.
func (w *Worker) ask(ctx context.Context, p payment.State, attempt int) (psp.Answer, error) {
	if p.Amount.Amount == 0 { // a provider would refuse the request as wrong in itself, and for ever
		return nothing(p.Open.Call), nil
	}
	if attempt > 1 {
		answer, err := w.provider.Query(ctx, p.Open.Key)
		if _, ok := errors.AsType[*psp.NotFoundError](err); !ok {
			return answer, err
		}
	}
	answer, err := w.order(ctx, p)
	if wrong, ok := errors.AsType[*psp.RequestError](err); ok && wrong.Code == psp.CodeInvalidRequest {
		return psp.Declined{Reason: wrong.Code}, nil
	}
	return answer, err
}

// order tells the provider to do what is open.
func (w *Worker) order(ctx context.Context, p payment.State) (psp.Answer, error) {
	if p.Open.Call == payment.CallAuthorize {
		return w.provider.Authorize(ctx, psp.AuthorizeRequest{
			Key: p.Open.Key, OrderID: p.OrderID, Amount: p.Amount.Amount, Currency: p.Amount.Currency, Method: p.Method,
		})
	}
	return w.provider.Do(ctx, psp.VerbRequest{
		Key: p.Open.Key, Kind: verbs[p.Open.Call], AuthorizationID: p.AuthorizationID,
		OrderID: p.OrderID, Amount: p.Amount.Amount, Currency: p.Amount.Currency,
	})
}

// nothing is the answer to a call about no money at all.
func nothing(call payment.Call) psp.Answer {
	if call == payment.CallAuthorize {
		return psp.Authorized{AuthorizationID: nothingToPay}
	}
	return psp.Done{Kind: verbs[call]}
}

// outcome is the command that records an answer to what a payment has open. An answer to something else is an error: under
// this key nothing else was asked.
func outcome(p payment.State, answer psp.Answer, at time.Time) (aggregates.Command, error) {
	id, key := p.OrderID, p.Open.Key
	if no, ok := answer.(psp.Declined); ok && no.Reason == done[p.Open.Call] {
		answer = psp.Done{Kind: verbs[p.Open.Call]}
	}
	switch a := answer.(type) {
	case psp.Authorized:
		if p.Open.Call == payment.CallAuthorize {
			return payment.RecordAuthorized{OrderID: id, AuthorizationID: a.AuthorizationID, At: at}, nil
		}
	case psp.Done:
		switch {
		case a.Kind == "" || a.Kind != verbs[p.Open.Call]:
		case p.Open.Call == payment.CallCapture:
			return payment.RecordCaptured{OrderID: id, Key: key, At: at}, nil
		case p.Open.Call == payment.CallVoid:
			return payment.RecordVoided{OrderID: id, Key: key, At: at}, nil
		case p.Open.Call == payment.CallRefund:
			return payment.RecordRefunded{OrderID: id, Key: key, At: at}, nil
		}
	case psp.Declined:
		switch p.Open.Call {
		case payment.CallAuthorize:
			return payment.RecordDeclined{OrderID: id, Reason: a.Reason, At: at}, nil
		case payment.CallCapture:
			return payment.RecordCaptureRefused{OrderID: id, Key: key, Reason: a.Reason, At: at}, nil
		case payment.CallVoid:
			return payment.RecordVoidRefused{OrderID: id, Key: key, Reason: a.Reason, At: at}, nil
		case payment.CallRefund:
			return payment.RecordRefundRefused{OrderID: id, Key: key, Reason: a.Reason, At: at}, nil
		case payment.CallNone:
		}
	}
	return nil, fmt.Errorf("%s was answered with %T: that was not the question", key, answer)
}
