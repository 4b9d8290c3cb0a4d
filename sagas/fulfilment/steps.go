package fulfilment

import (
	"time"

	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/sagas"
)

// The services that own steps.
const (
	Orders    = "orders"
	Inventory = "inventory"
	Payments  = "payments"
)

// How long an answer is waited for. A provider may take its time, and a call to it is repeated; the stock is our own.
const (
	withinStock   = 30 * time.Second
	withinPayment = 2 * time.Minute
)

// Steps is the whole process; docs/process.md, tests and traces are made from it. An order begins with the place command,
// whose OrderPlaced triggers the first step; the ship and the cancel command begin the parts with those names, the latter
// also when a deadline passes. Answers of the payment provider trigger nothing here: the payments service records them
// when they come (internal/payments).
var Steps = sagas.Table{
	{Name: string(order.StepReserveStock), Owner: Inventory, Do: sagas.On(reserveStock), UndoneBy: string(order.StepReleaseStock), Within: withinStock},
	{Name: "request_payment", Owner: Orders, Do: sagas.On(requestPayment)},
	{Name: string(order.StepAuthorizePayment), Owner: Payments, Do: sagas.On(authorizePayment), UndoneBy: string(order.StepVoidPayment), Within: withinPayment},
	{Name: "confirm_order", Owner: Orders, Do: sagas.On(confirmOrder)},

	// Ship: first the money, which may be refused, then the stock, which may not.
	{Name: string(order.StepCapturePayment), Owner: Payments, Do: sagas.On(capturePayment), Within: withinPayment},
	{Name: "request_commit", Owner: Orders, Do: sagas.On(requestCommit)},
	{Name: string(order.StepCommitStock), Owner: Inventory, Do: sagas.On(commitStock), Within: withinStock},
	{Name: "complete_shipment", Owner: Orders, Do: sagas.On(completeShipment)},

	// A step said no.
	{Name: "reject_order", Owner: Orders, Do: sagas.On(rejectOrder)},      // stock was refused: nothing to undo
	{Name: "start_compensation", Owner: Orders, Do: sagas.On(compensate)}, // payment was declined: undo the done steps

	// Undo, last step first, each on the answer to the one before.
	{Name: string(order.StepVoidPayment), Owner: Payments, Do: sagas.On(voidPayment), Within: withinPayment},
	{Name: "record_voided", Owner: Orders, Do: sagas.On(recordVoided)},
	{Name: "record_refunded", Owner: Orders, Do: sagas.On(recordRefunded)},
	{Name: string(order.StepReleaseStock), Owner: Inventory, Do: sagas.On(releaseStock), Within: withinStock}, // nothing else is to be undone
	{Name: "release_stock_on_cancel", Owner: Inventory, Do: sagas.On(releaseOnCancel)},                        // it is the first to be undone
	{Name: "release_stock_next", Owner: Inventory, Do: sagas.On(releaseNext)},                                 // it is its turn
	{Name: "record_released", Owner: Orders, Do: sagas.On(recordReleased)},
	{Name: "record_never_reserved", Owner: Orders, Do: sagas.On(recordNeverReserved)},

	// What must not fail was refused: somebody has to look. Then an operator has the step done again.
	{Name: "record_capture_refused", Owner: Orders, Do: sagas.On(recordCaptureRefused)},
	{Name: "record_void_refused", Owner: Orders, Do: sagas.On(recordVoidRefused)},
	{Name: "record_refund_refused", Owner: Orders, Do: sagas.On(recordRefundRefused)},
	{Name: "retry_payment", Owner: Payments, Do: sagas.On(retryPayment)},
	{Name: "retry_stock", Owner: Inventory, Do: sagas.On(retryStock)},
}
