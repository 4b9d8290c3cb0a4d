package demo

import (
	"github.com/ordo-platform/ordo/internal/client"
	"github.com/ordo-platform/ordo/internal/psp"
)

// The goods of the demo shop, with what is on the shelf at the start.
var shelf = []struct {
	sku, name string
	price     int64
	pieces    int64
}{
	{"MUG", "Mug", 1990, 20},
	{"CUP", "Espresso cup", 1250, 20},
	{"LAMP", "Desk lamp", 8900, 1},
}

// scenario is one order, what is asked of it, and what must become of it.
type scenario struct {
	name     string
	lines    []client.Item
	method   string
	repeat   bool             // the request is sent twice under the same key
	cancelAt client.Status    // cancelled once it has come here; never if empty
	ship     *client.Shipment // once it is confirmed, if set
	expected client.Status
}

var parcel = &client.Shipment{Carrier: "DHL", TrackingNumber: "JD014600003RU"}

// scenarios are orders of every fate. They are placed all at once.
var scenarios = []scenario{
	{
		name:     "confirmed",
		lines:    []client.Item{{SKU: "MUG", Quantity: 2}, {SKU: "CUP", Quantity: 4}},
		method:   psp.MethodOK,
		expected: client.StatusConfirmed,
	},
	{
		name:     "shipped: payment captured",
		lines:    []client.Item{{SKU: "MUG", Quantity: 1}, {SKU: "CUP", Quantity: 1}},
		method:   psp.MethodOK,
		ship:     parcel,
		expected: client.StatusShipped,
	},
	{
		name:     "out of stock: all lines or none",
		lines:    []client.Item{{SKU: "MUG", Quantity: 1}, {SKU: "LAMP", Quantity: 2}},
		method:   psp.MethodOK,
		expected: client.StatusRejected,
	},
	{
		name:     "payment declined: stock released",
		lines:    []client.Item{{SKU: "LAMP", Quantity: 1}},
		method:   psp.MethodDeclined,
		expected: client.StatusRejected,
	},
	{
		name:     "cancelled before payment: nothing paid",
		lines:    []client.Item{{SKU: "CUP", Quantity: 2}},
		method:   psp.MethodSlow,
		cancelAt: client.StatusPlaced,
		expected: client.StatusCancelled,
	},
	{
		name:     "cancelled after payment: hold voided",
		lines:    []client.Item{{SKU: "CUP", Quantity: 2}},
		method:   psp.MethodOK,
		cancelAt: client.StatusConfirmed,
		expected: client.StatusCancelled,
	},
	{
		name:     "request repeated: one order",
		lines:    []client.Item{{SKU: "CUP", Quantity: 1}},
		method:   psp.MethodOK,
		repeat:   true,
		expected: client.StatusConfirmed,
	},
	{
		name:     "provider fails after charging: paid once",
		lines:    []client.Item{{SKU: "MUG", Quantity: 1}},
		method:   psp.MethodErrorAfterCharge,
		ship:     parcel,
		expected: client.StatusShipped,
	},
	{
		name:     "provider slow: unknown is not failed",
		lines:    []client.Item{{SKU: "MUG", Quantity: 1}},
		method:   psp.MethodSlow,
		expected: client.StatusConfirmed,
	},
	{
		name:     "provider hangs: timed out, late hold voided",
		lines:    []client.Item{{SKU: "MUG", Quantity: 1}},
		method:   psp.MethodHang,
		expected: client.StatusCancelled,
	},
}

// done says whether an order is where its scenario leaves it.
func (s scenario) done(now client.Status) bool {
	switch now {
	case client.StatusShipped, client.StatusRejected, client.StatusCancelled, client.StatusNeedsAttention:
		return true
	case client.StatusConfirmed:
		return s.ship == nil && s.cancelAt == ""
	case client.StatusPlaced, client.StatusAwaitingPayment, client.StatusCancelling:
	}
	return false
}
