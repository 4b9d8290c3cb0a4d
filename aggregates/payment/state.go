package payment

import "github.com/ordo-platform/ordo/aggregates"

// Stream is the stream of the payment of an order.
func Stream(orderID string) string { return "payment-" + orderID }

// Status is where a payment stands, in the words of the API.
type Status string

// The statuses of a payment. While one ends in -ing or is requested, the provider may or may not have done it.
const (
	StatusNone       Status = ""
	StatusRequested  Status = "requested"
	StatusAuthorized Status = "authorized" // the provider holds the money
	StatusDeclined   Status = "declined"
	StatusCapturing  Status = "capturing"
	StatusCaptured   Status = "captured" // the money is taken
	StatusVoiding    Status = "voiding"  // to be undone; also while the outcome of an earlier call is waited for
	StatusVoided     Status = "voided"   // nothing is held or taken, or ever will be
	StatusRefunding  Status = "refunding"
	StatusRefunded   Status = "refunded" // what was taken has been given back
)

// Call is a call to the provider.
type Call string

// The calls there are.
const (
	CallNone      Call = ""
	CallAuthorize Call = "authorize"
	CallCapture   Call = "capture"
	CallVoid      Call = "void"
	CallRefund    Call = "refund"
)

// Intent is a call to make, with the idempotency key to make it under.
type Intent struct {
	Call Call   `json:"call"`
	Key  string `json:"key"`
}

// State is what a payment remembers.
type State struct {
	OrderID         string
	Status          Status
	Amount          aggregates.Money
	Method          string
	Key             string // of the authorisation: "authorize-<order id>"
	AuthorizationID string
	DeclineReason   string
	Open            Intent // asked for and not answered; zero for none
	Attempt         int    // of the newest capture or undo that was asked for, see Capture and Undo
}
