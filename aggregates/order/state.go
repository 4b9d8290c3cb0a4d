package order

import (
	"github.com/ordo-platform/ordo/aggregates"
)

// ID is an order's id, a UUID in text form.
type ID string

// Stream is the stream of an order.
func Stream(id ID) string { return "order-" + string(id) }

// Status is where an order stands, in the words of the API.
type Status string

// The statuses of an order. A status that nobody can reach yet is not listed.
const (
	StatusNone            Status = ""                 // no such order
	StatusPlaced          Status = "placed"           // waiting for stock
	StatusAwaitingPayment Status = "awaiting_payment" // stock is reserved, waiting for the payment
	StatusConfirmed       Status = "confirmed"
	StatusCancelling      Status = "cancelling" // being undone, see CompensationStarted
	StatusRejected        Status = "rejected"
)

// Reason says why an order ended without effect; a stable code.
type Reason string

// The reasons an order is rejected for.
const (
	ReasonOutOfStock      Reason = "out_of_stock"
	ReasonPaymentDeclined Reason = "payment_declined"
)

// Step names a step of the process that can be undone.
type Step string

// The steps that can be undone.
const (
	StepReserveStock     Step = "reserve_stock"
	StepAuthorizePayment Step = "authorize_payment"
)

// Line is one line of an order, with the price it was ordered at.
type Line struct {
	SKU       string           `json:"sku"`
	Quantity  int64            `json:"quantity"`
	UnitPrice aggregates.Money `json:"unit_price"`
}

// Item is a quantity of one SKU.
type Item struct {
	SKU      string `json:"sku"`
	Quantity int64  `json:"quantity"`
}

// Shortage says how much of a SKU was asked for and how much there was.
type Shortage struct {
	SKU       string `json:"sku"`
	Requested int64  `json:"requested"`
	Available int64  `json:"available"`
}

// State is what an order remembers to decide on.
type State struct {
	ID            ID
	Status        Status
	CustomerID    string
	Lines         []Line
	Total         aggregates.Money
	PaymentMethod string
	Reason        Reason // why it is being undone or was rejected
	Undo          []Step // steps still to be undone, next one first
}
