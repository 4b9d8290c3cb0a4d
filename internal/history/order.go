package history

import (
	"time"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/aggregates/payment"
	"github.com/ordo-platform/ordo/aggregates/reservation"
	"github.com/ordo-platform/ordo/aggregates/stock"
	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/sagas/fulfilment"
)

const (
	orders    = fulfilment.Orders
	inventory = fulfilment.Inventory
	payments  = fulfilment.Payments
)

// oneOrder is an order on its way through the services.
type oneOrder struct {
	*generator
	id        string
	lines     []order.Line
	items     []order.Item
	reserved  []reservation.Line
	total     aggregates.Money
	method    string
	lastCause cause
}

// The ends of orders, in hundredths; the rest is shipped.
const (
	stayConfirmed = 20
	declined      = 10
	outOfStock    = 8
	cancelled     = 7
)

// order is one order from its beginning to its end.
func (h *generator) order() {
	h.now = h.now.Add(orderEvery)
	fate := h.random.IntN(100)
	o := &oneOrder{generator: h, id: h.newID().String(), method: "pm_ok", lastCause: h.request()}
	o.total.Currency = "EUR"
	o.lines = h.lines(fate >= outOfStock)
	for _, l := range o.lines {
		o.items = append(o.items, order.Item{SKU: l.SKU, Quantity: l.Quantity})
		o.reserved = append(o.reserved, reservation.Line{SKU: l.SKU, Quantity: l.Quantity})
		o.total.Amount += l.Quantity * l.UnitPrice.Amount
	}
	if fate -= outOfStock; fate < 0 {
		o.place()
		o.runOut()
		return
	}
	if fate -= declined; fate < 0 {
		o.method = "pm_declined"
		o.place()
		o.reserve()
		o.decline()
		return
	}
	o.place()
	o.reserve()
	o.pay()
	if fate -= cancelled; fate < 0 {
		o.cancel()
	} else if fate -= stayConfirmed; fate >= 0 {
		o.ship()
	}
	o.forget()
}

func (o *oneOrder) orders(e aggregates.Event, step string) {
	o.lastCause = o.record(orders, order.Stream(order.ID(o.id)), e, o.lastCause, step, 0)
}

func (o *oneOrder) payments(e aggregates.Event, step string) {
	o.lastCause = o.record(payments, payment.Stream(o.id), e, o.lastCause, step, 0)
}

// inventory records what happened to the reservation, and to the stock of each line.
func (o *oneOrder) inventory(e aggregates.Event, step string, each func(l order.Line) aggregates.Event) {
	from := o.lastCause
	o.lastCause = o.record(inventory, reservation.Stream(o.id), e, from, step, 0)
	for i, l := range o.lines {
		if each != nil {
			o.record(inventory, stock.Stream(stock.SKU(l.SKU)), each(l), from, step, i+1)
		}
	}
}

func (o *oneOrder) oid() order.ID          { return order.ID(o.id) }
func (o *oneOrder) at() time.Time          { return o.now }
func (o *oneOrder) hold() string           { return "auth-" + o.id }
func (o *oneOrder) key(call string) string { return call + "-" + o.id }

func (o *oneOrder) place() {
	from := o.lastCause
	o.lastCause = o.record(orders, order.Stream(o.oid()), order.Placed{
		OrderID: o.oid(), CustomerID: o.customers[o.random.IntN(customers)], Lines: o.lines, Total: o.total, PaymentMethod: o.method, At: o.at(),
	}, from, "client", 0)
}

func (o *oneOrder) runOut() {
	short := o.lines[0]
	o.inventory(reservation.Refused{OrderID: o.id, At: o.at(), Shortages: []reservation.Shortage{
		{SKU: short.SKU, Requested: short.Quantity},
	}}, string(order.StepReserveStock), nil)
	o.orders(order.Rejected{OrderID: o.oid(), Reason: order.ReasonOutOfStock, At: o.at(), Shortages: []order.Shortage{
		{SKU: short.SKU, Requested: short.Quantity},
	}}, "reject_order")
	o.forget()
}

func (o *oneOrder) reserve() {
	o.inventory(reservation.Reserved{OrderID: o.id, Lines: o.reserved, At: o.at()}, string(order.StepReserveStock),
		func(l order.Line) aggregates.Event {
			return stock.Allocated{SKU: stock.SKU(l.SKU), OrderID: o.id, Quantity: l.Quantity, At: o.at()}
		})
	o.orders(order.PaymentRequested{OrderID: o.oid(), Amount: o.total, PaymentMethod: o.method, At: o.at()}, "request_payment")
	o.payments(payment.AuthorizationRequested{
		OrderID: o.id, Amount: o.total, Method: o.method, Key: o.key("authorize"), At: o.at(),
	}, string(order.StepAuthorizePayment))
}

func (o *oneOrder) pay() {
	o.payments(payment.Authorized{OrderID: o.id, Amount: o.total, AuthorizationID: o.hold(), At: o.at()}, "authorize")
	o.orders(order.Confirmed{OrderID: o.oid(), At: o.at()}, "confirm_order")
}

func (o *oneOrder) decline() {
	const reason = "insufficient_funds"
	o.payments(payment.Declined{OrderID: o.id, Reason: reason, At: o.at()}, "authorize")
	o.orders(order.CompensationStarted{
		OrderID: o.oid(), Reason: order.ReasonPaymentDeclined, Detail: reason,
		Undo: []order.Step{order.StepReserveStock}, Lines: o.items, At: o.at(),
	}, "start_compensation")
	o.release(string(order.StepReleaseStock))
	o.orders(order.Rejected{OrderID: o.oid(), Reason: order.ReasonPaymentDeclined, At: o.at()}, "record_released")
	o.forget()
}

func (o *oneOrder) release(step string) {
	o.inventory(reservation.Released{OrderID: o.id, Lines: o.reserved, At: o.at()}, step, func(l order.Line) aggregates.Event {
		return stock.Deallocated{SKU: stock.SKU(l.SKU), OrderID: o.id, Quantity: l.Quantity, At: o.at()}
	})
}

func (o *oneOrder) cancel() {
	o.lastCause = o.request()
	o.orders(order.CancellationRequested{
		OrderID: o.oid(), Reason: order.ReasonOnRequest, Detail: "changed my mind",
		Undo: []order.Step{order.StepAuthorizePayment, order.StepReserveStock}, Lines: o.items, At: o.at(),
	}, "client")
	o.payments(payment.VoidRequested{
		OrderID: o.id, AuthorizationID: o.hold(), Key: o.key("void"), Attempt: 1, At: o.at(),
	}, string(order.StepVoidPayment))
	o.payments(payment.Voided{OrderID: o.id, At: o.at()}, "void")
	o.orders(order.CompensationAdvanced{
		OrderID: o.oid(), Undone: order.StepAuthorizePayment, Next: order.StepReserveStock, Lines: o.items, At: o.at(),
	}, "record_voided")
	o.release("release_stock_next")
	o.orders(order.Cancelled{OrderID: o.oid(), Reason: order.ReasonOnRequest, At: o.at()}, "record_released")
}

func (o *oneOrder) ship() {
	o.lastCause = o.request()
	shipment := order.Shipment{Carrier: "DHL", TrackingNumber: "JD" + o.id[:8]}
	o.orders(order.ShipmentRequested{OrderID: o.oid(), Shipment: shipment, At: o.at()}, "client")
	o.payments(payment.CaptureRequested{
		OrderID: o.id, Amount: o.total, AuthorizationID: o.hold(), Key: o.key("capture"), Attempt: 1, At: o.at(),
	}, string(order.StepCapturePayment))
	o.payments(payment.Captured{OrderID: o.id, Amount: o.total, At: o.at()}, "capture")
	o.orders(order.CommitRequested{OrderID: o.oid(), Lines: o.items, At: o.at()}, "request_commit")
	o.inventory(reservation.Committed{OrderID: o.id, Lines: o.reserved, At: o.at()}, string(order.StepCommitStock),
		func(l order.Line) aggregates.Event {
			return stock.Dispatched{SKU: stock.SKU(l.SKU), OrderID: o.id, Quantity: l.Quantity, At: o.at()}
		})
	o.orders(order.Shipped{OrderID: o.oid(), Shipment: shipment, At: o.at()}, "complete_shipment")
}

// forget lets the memory of a history stay small.
func (o *oneOrder) forget() {
	for _, stream := range []string{order.Stream(o.oid()), payment.Stream(o.id), reservation.Stream(o.id)} {
		delete(o.versions, eventstore.StreamID(stream))
	}
}
