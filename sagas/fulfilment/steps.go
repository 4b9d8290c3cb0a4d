package fulfilment

import (
	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/sagas"
)

// The services that own steps.
const (
	Orders    = "orders"
	Inventory = "inventory"
	Payments  = "payments"
)

// Steps is the whole process; tests and traces are made from it. An order begins with the place command, whose
// OrderPlaced triggers the first step; the answer of the payment provider triggers none, it is recorded by the payments
// service when it comes (internal/payments).
var Steps = sagas.Table{
	{Name: string(order.StepReserveStock), Owner: Inventory, Do: sagas.On(reserveStock), UndoneBy: "release_stock"},
	{Name: "request_payment", Owner: Orders, Do: sagas.On(requestPayment)},
	{Name: string(order.StepAuthorizePayment), Owner: Payments, Do: sagas.On(authorizePayment)},
	{Name: "confirm_order", Owner: Orders, Do: sagas.On(confirmOrder)},

	{Name: "reject_order", Owner: Orders, Do: sagas.On(rejectOrder)},          // stock was refused: nothing to undo
	{Name: "start_compensation", Owner: Orders, Do: sagas.On(compensate)},     // payment was declined: undo the done steps
	{Name: "release_stock", Owner: Inventory, Do: sagas.On(releaseStock)},     // when stock is the step to undo first
	{Name: "release_stock_next", Owner: Inventory, Do: sagas.On(releaseNext)}, // when it is the turn of stock
	{Name: "record_released", Owner: Orders, Do: sagas.On(recordReleased)},    // the undo is answered: next one, or the end
}
