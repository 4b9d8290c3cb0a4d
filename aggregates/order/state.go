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

// The statuses of an order.
const (
	StatusNone            Status = ""                 // no such order
	StatusPlaced          Status = "placed"           // waiting for stock
	StatusAwaitingPayment Status = "awaiting_payment" // stock is reserved, waiting for the payment
	StatusConfirmed       Status = "confirmed"        // stock reserved, payment authorised; also while it is being shipped
	StatusShipped         Status = "shipped"          // the payment is captured, the stock has left
	StatusCancelling      Status = "cancelling"       // being undone, one step after the other
	StatusRejected        Status = "rejected"         // ended without effect, because a step said no
	StatusCancelled       Status = "cancelled"        // ended without effect, because somebody wanted it or time ran out
	StatusNeedsAttention  Status = "needs_attention"  // somebody has to look: what it waits for was refused, or is overdue
)

// Reason says why an order ended without effect; a stable code.
type Reason string

// The reasons an order is rejected for, then those it is cancelled for.
const (
	ReasonOutOfStock      Reason = "out_of_stock"
	ReasonPaymentDeclined Reason = "payment_declined"

	ReasonOnRequest Reason = "on_request"
	ReasonTimedOut  Reason = "timed_out"
)

// Step names a step of the process that others do for the order.
type Step string

// The steps an order can wait for. Those of shipping are not undone: an order that is shipped stays so.
const (
	StepReserveStock     Step = "reserve_stock"
	StepAuthorizePayment Step = "authorize_payment"

	StepCapturePayment Step = "capture_payment"
	StepCommitStock    Step = "commit_stock"

	StepVoidPayment  Step = "void_payment"  // undoes StepAuthorizePayment: nothing is held any more, or taken
	StepReleaseStock Step = "release_stock" // undoes StepReserveStock
)

// UndoneBy returns the step that undoes s.
func (s Step) UndoneBy() Step {
	switch s {
	case StepReserveStock:
		return StepReleaseStock
	case StepAuthorizePayment:
		return StepVoidPayment
	case StepCapturePayment, StepCommitStock, StepVoidPayment, StepReleaseStock:
	}
	panic("order: nothing undoes " + string(s))
}

// Undoes says whether s undoes another step.
func (s Step) Undoes() bool { return s == StepVoidPayment || s == StepReleaseStock }

// Wait is what an order waits for: the answer to a step that others do. The same step is waited for again, as the next
// attempt, when an operator has it done again.
type Wait struct {
	Step    Step `json:"step"`
	Attempt int  `json:"attempt"`
}

// Shipment is how an order leaves.
type Shipment struct {
	Carrier        string `json:"carrier"`
	TrackingNumber string `json:"tracking_number"`
}

// Cause says why an order needs attention; a stable code.
type Cause string

// The causes of needing attention.
const (
	CauseRefused Cause = "refused" // whoever does the step said a definite no
	CauseOverdue Cause = "overdue" // there was no answer within the deadline
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
	Reason        Reason   // why it is being undone or ended without effect
	Undo          []Step   // steps still to be undone, next one first
	Shipment      Shipment // zero until it is asked for
	Wait          Wait     // zero when nothing is awaited
}

// shipping says whether the order has been told to leave.
func (s State) shipping() bool { return s.Shipment != Shipment{} }
