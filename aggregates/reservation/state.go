package reservation

// Stream is the stream of the reservation of an order.
func Stream(orderID string) string { return "reservation-" + orderID }

// Status is where a reservation stands.
type Status string

// The statuses of a reservation.
const (
	StatusNone     Status = ""
	StatusReserved Status = "reserved"
	StatusRefused  Status = "refused"
	StatusReleased Status = "released"

	StatusCommitted Status = "committed" // the pieces have left
	StatusCancelled Status = "cancelled" // released before it was reserved, so it never will be
)

// Line is a quantity of one SKU.
type Line struct {
	SKU      string `json:"sku"`
	Quantity int64  `json:"quantity"`
}

// Shortage says how much of a SKU was asked for and how much there was.
type Shortage struct {
	SKU       string `json:"sku"`
	Requested int64  `json:"requested"`
	Available int64  `json:"available"`
}

// State is what a reservation remembers.
type State struct {
	OrderID string
	Status  Status
	Lines   []Line
}
