package demo

import (
	"context"

	"github.com/google/uuid"

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
	repeat   bool   // the request is sent twice under the same key
	wishes   []wish // one after the other
	expected client.Status
}

// wish is something that is asked of an order once it has come somewhere.
type wish struct {
	at   client.Status
	what string
	ask  func(ctx context.Context, shop Shop, id string) (client.Answer[client.Order], error)
}

func cancel(at client.Status) wish {
	return wish{at, "cancel", func(ctx context.Context, shop Shop, id string) (client.Answer[client.Order], error) {
		return shop.Client.CancelOrder(ctx, id, "changed my mind")
	}}
}

func ship() wish {
	return wish{client.StatusConfirmed, "ship", func(ctx context.Context, shop Shop, id string) (client.Answer[client.Order], error) {
		return shop.Client.ShipOrder(ctx, id, client.Shipment{Carrier: "DHL", TrackingNumber: "JD014600003RU"})
	}}
}

// cancelUnderReview asks for what the provider will refuse.
func cancelUnderReview() wish {
	c := cancel(client.StatusConfirmed)
	return wish{c.at, "cancel", func(ctx context.Context, shop Shop, id string) (client.Answer[client.Order], error) {
		shop.Provider.SetUnderReview(id, true)
		return c.ask(ctx, shop, id)
	}}
}

// retryReviewed asks for it again, once the provider will not refuse it any more.
func retryReviewed() wish {
	return wish{client.StatusNeedsAttention, "retry", func(ctx context.Context, shop Shop, id string) (client.Answer[client.Order], error) {
		shop.Provider.SetUnderReview(id, false)
		return shop.Client.RetryOrder(ctx, id, uuid.Must(uuid.NewV7()).String(), "", "the provider has ended its review")
	}}
}

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
		wishes:   []wish{ship()},
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
		wishes:   []wish{cancel(client.StatusPlaced)},
		expected: client.StatusCancelled,
	},
	{
		name:     "cancelled after payment: hold voided",
		lines:    []client.Item{{SKU: "CUP", Quantity: 2}},
		method:   psp.MethodOK,
		wishes:   []wish{cancel(client.StatusConfirmed)},
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
		wishes:   []wish{ship()},
		expected: client.StatusShipped,
	},
	{
		name:     "provider flaky: tried again, paid once",
		lines:    []client.Item{{SKU: "CUP", Quantity: 1}},
		method:   psp.MethodFlaky,
		expected: client.StatusConfirmed,
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
	{
		name:     "void refused: needs attention, done again",
		lines:    []client.Item{{SKU: "MUG", Quantity: 1}},
		method:   psp.MethodOK,
		wishes:   []wish{cancelUnderReview(), retryReviewed()},
		expected: client.StatusCancelled,
	},
}

// done says whether an order moves no more, with those wishes left.
func (s scenario) done(now client.Status, left []wish) bool {
	switch now {
	case client.StatusShipped, client.StatusRejected, client.StatusCancelled:
		return true
	case client.StatusConfirmed:
		return len(left) == 0 && now == s.expected // else it is on its way to be shipped
	case client.StatusNeedsAttention:
		return len(left) == 0 || left[0].at != now
	case client.StatusPlaced, client.StatusAwaitingPayment, client.StatusCancelling:
	}
	return false
}
