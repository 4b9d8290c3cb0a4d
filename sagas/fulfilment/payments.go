package fulfilment

import (
	"time"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/aggregates/payment"
	"github.com/ordo-platform/ordo/sagas"
)

// authorizePayment records the intent. The call to the provider follows outside any transaction, under the intent's key.
func authorizePayment(e order.PaymentRequested, now time.Time) (sagas.Reaction, bool) {
	return sagas.Reaction{Try: []aggregates.Command{
		payment.Request{OrderID: string(e.OrderID), Amount: e.Amount, Method: e.PaymentMethod, At: now},
	}}, true
}
