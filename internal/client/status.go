package client

// Status is where an order stands.
type Status string

// The statuses of an order.
const (
	StatusPlaced          Status = "placed"
	StatusAwaitingPayment Status = "awaiting_payment"
	StatusConfirmed       Status = "confirmed"
	StatusShipped         Status = "shipped"
	StatusRejected        Status = "rejected"
	StatusCancelling      Status = "cancelling"
	StatusCancelled       Status = "cancelled"
	StatusNeedsAttention  Status = "needs_attention"
)

// Statuses lists all statuses in the order an order meets them.
func Statuses() []Status {
	return []Status{
		StatusPlaced, StatusAwaitingPayment, StatusConfirmed, StatusShipped,
		StatusRejected, StatusCancelling, StatusCancelled, StatusNeedsAttention,
	}
}

// Moving tells whether the platform is still working on the order by itself. A status that this client does not know
// is none to wait for.
func (s Status) Moving() bool {
	return s == StatusPlaced || s == StatusAwaitingPayment || s == StatusCancelling
}
