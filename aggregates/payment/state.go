package payment

import "github.com/ordo-platform/ordo/aggregates"

// Stream is the stream of the payment of an order.
func Stream(orderID string) string { return "payment-" + orderID }

// Status is where a payment stands, in the words of the API.
type Status string

// The statuses of a payment.
const (
	StatusNone       Status = ""
	StatusRequested  Status = "requested" // the provider may or may not have been called
	StatusAuthorized Status = "authorized"
	StatusDeclined   Status = "declined"
)

// State is what a payment remembers.
type State struct {
	OrderID         string
	Status          Status
	Amount          aggregates.Money
	Method          string
	Key             string // idempotency key towards the provider: "authorize-<order id>"
	AuthorizationID string
	DeclineReason   string
}
