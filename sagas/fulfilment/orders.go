package fulfilment

import (
	"time"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/aggregates/payment"
	"github.com/ordo-platform/ordo/aggregates/reservation"
	"github.com/ordo-platform/ordo/sagas"
)

func requestPayment(e reservation.Reserved, now time.Time) (sagas.Reaction, bool) {
	return one(order.RequestPayment{OrderID: order.ID(e.OrderID), At: now})
}

func confirmOrder(e payment.Authorized, now time.Time) (sagas.Reaction, bool) {
	return one(order.Confirm{OrderID: order.ID(e.OrderID), At: now})
}

func rejectOrder(e reservation.Refused, now time.Time) (sagas.Reaction, bool) {
	short := make([]order.Shortage, 0, len(e.Shortages))
	for _, s := range e.Shortages {
		short = append(short, order.Shortage(s))
	}
	return one(order.Reject{OrderID: order.ID(e.OrderID), Reason: order.ReasonOutOfStock, Shortages: short, At: now})
}

func compensate(e payment.Declined, now time.Time) (sagas.Reaction, bool) {
	return one(order.Compensate{OrderID: order.ID(e.OrderID), Reason: order.ReasonPaymentDeclined, Detail: e.Reason, At: now})
}

func recordReleased(e reservation.Released, now time.Time) (sagas.Reaction, bool) {
	return one(order.RecordUndone{OrderID: order.ID(e.OrderID), Step: order.StepReserveStock, At: now})
}

// recordNeverReserved takes the release of nothing for what it is: done.
func recordNeverReserved(e reservation.Cancelled, now time.Time) (sagas.Reaction, bool) {
	return one(order.RecordUndone{OrderID: order.ID(e.OrderID), Step: order.StepReserveStock, At: now})
}

func recordVoided(e payment.Voided, now time.Time) (sagas.Reaction, bool) {
	return one(order.RecordUndone{OrderID: order.ID(e.OrderID), Step: order.StepAuthorizePayment, At: now})
}

func recordRefunded(e payment.Refunded, now time.Time) (sagas.Reaction, bool) {
	return one(order.RecordUndone{OrderID: order.ID(e.OrderID), Step: order.StepAuthorizePayment, At: now})
}

func requestCommit(e payment.Captured, now time.Time) (sagas.Reaction, bool) {
	return one(order.RequestCommit{OrderID: order.ID(e.OrderID), At: now})
}

func completeShipment(e reservation.Committed, now time.Time) (sagas.Reaction, bool) {
	return one(order.CompleteShipment{OrderID: order.ID(e.OrderID), At: now})
}

func recordCaptureRefused(e payment.CaptureRefused, now time.Time) (sagas.Reaction, bool) {
	return refused(e.OrderID, order.StepCapturePayment, e.Attempt, e.Reason, now)
}

func recordVoidRefused(e payment.VoidRefused, now time.Time) (sagas.Reaction, bool) {
	return refused(e.OrderID, order.StepVoidPayment, e.Attempt, e.Reason, now)
}

func recordRefundRefused(e payment.RefundRefused, now time.Time) (sagas.Reaction, bool) {
	return refused(e.OrderID, order.StepVoidPayment, e.Attempt, e.Reason, now)
}

func refused(id string, step order.Step, attempt int, reason string, now time.Time) (sagas.Reaction, bool) {
	return one(order.RecordRefused{OrderID: order.ID(id), Wait: order.Wait{Step: step, Attempt: attempt}, Detail: reason, At: now})
}

func one(c aggregates.Command) (sagas.Reaction, bool) {
	return sagas.Reaction{Try: []aggregates.Command{c}}, true
}
