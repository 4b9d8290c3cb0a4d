package fulfilment

import (
	"time"

	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/aggregates/payment"
	"github.com/ordo-platform/ordo/sagas"
)

// The reactions in this file record intents. The calls to the provider follow outside any transaction, each under its
// intent's key.

func authorizePayment(e order.PaymentRequested, now time.Time) (sagas.Reaction, bool) {
	return one(payment.Request{OrderID: string(e.OrderID), Amount: e.Amount, Method: e.PaymentMethod, At: now})
}

func capturePayment(e order.ShipmentRequested, now time.Time) (sagas.Reaction, bool) {
	return one(payment.Capture{OrderID: string(e.OrderID), Attempt: 1, At: now})
}

// voidPayment undoes authorizePayment, and capturePayment with it. It is never the second step to undo: nothing that can
// be undone comes after it.
func voidPayment(e order.CancellationRequested, now time.Time) (sagas.Reaction, bool) {
	undo, _ := one(payment.Undo{OrderID: string(e.OrderID), Attempt: 1, At: now})
	return undo, e.Undo[0] == order.StepAuthorizePayment
}

// retryPayment does again what an operator wants done again.
func retryPayment(e order.RetryRequested, now time.Time) (sagas.Reaction, bool) {
	switch e.Step {
	case order.StepCapturePayment:
		return one(payment.Capture{OrderID: string(e.OrderID), Attempt: e.Attempt, At: now})
	case order.StepVoidPayment:
		return one(payment.Undo{OrderID: string(e.OrderID), Attempt: e.Attempt, At: now})
	case order.StepReserveStock, order.StepAuthorizePayment, order.StepCommitStock, order.StepReleaseStock: // another's
	}
	return sagas.Reaction{}, false
}
