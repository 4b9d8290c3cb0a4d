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

func one(c aggregates.Command) (sagas.Reaction, bool) {
	return sagas.Reaction{Try: []aggregates.Command{c}}, true
}
