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

// scenario is one order and what must become of it.
type scenario struct {
	name     string
	lines    []client.Item
	method   string
	repeat   bool // the request is sent twice under the same key
	expected client.Status
}

var scenarios = []scenario{
	{
		name:     "confirmed",
		lines:    []client.Item{{SKU: "MUG", Quantity: 2}, {SKU: "CUP", Quantity: 4}},
		method:   psp.MethodOK,
		expected: client.StatusConfirmed,
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
		expected: client.StatusConfirmed,
	},
	{
		name:     "provider slow: unknown is not failed",
		lines:    []client.Item{{SKU: "MUG", Quantity: 1}},
		method:   psp.MethodSlow,
		expected: client.StatusConfirmed,
	},
}
