package schemas

import (
	"slices"
	"time"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/customer"
	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/aggregates/payment"
	"github.com/ordo-platform/ordo/aggregates/product"
	"github.com/ordo-platform/ordo/aggregates/reservation"
	"github.com/ordo-platform/ordo/aggregates/stock"
	"github.com/ordo-platform/ordo/eventstore"
)

// platform is every event type of the platform, with the version that is written and what an event of it always says.
var platform = NewRegistry(
	Define("OrderPlaced", 1, func(e order.Placed) bool {
		return said(e.At, string(e.OrderID), e.CustomerID, e.PaymentMethod) && money(e.Total) && all(e.Lines, orderLine)
	}),
	Define("OrderPaymentRequested", 1, func(e order.PaymentRequested) bool {
		return said(e.At, string(e.OrderID), e.PaymentMethod) && money(e.Amount)
	}),
	Define("OrderConfirmed", 1, func(e order.Confirmed) bool { return said(e.At, string(e.OrderID)) }),
	Define("OrderRejected", 1, func(e order.Rejected) bool { return said(e.At, string(e.OrderID), string(e.Reason)) }),
	Define("OrderCompensationStarted", 1, func(e order.CompensationStarted) bool {
		return said(e.At, string(e.OrderID), string(e.Reason)) && all(e.Undo, step) && all(e.Lines, orderItem)
	}),
	Define("OrderCompensationAdvanced", 1, func(e order.CompensationAdvanced) bool {
		return said(e.At, string(e.OrderID), string(e.Undone), string(e.Next)) && all(e.Lines, orderItem)
	}),
	Define("OrderShipmentRequested", 1, func(e order.ShipmentRequested) bool {
		return said(e.At, string(e.OrderID), e.Carrier, e.TrackingNumber)
	}),
	Define("OrderCommitRequested", 1, func(e order.CommitRequested) bool {
		return said(e.At, string(e.OrderID)) && all(e.Lines, orderItem)
	}),
	Define("OrderShipped", 1, func(e order.Shipped) bool { return said(e.At, string(e.OrderID), e.Carrier, e.TrackingNumber) }),
	Define("OrderCancellationRequested", 1, func(e order.CancellationRequested) bool {
		return said(e.At, string(e.OrderID), string(e.Reason), e.Detail) && all(e.Undo, step) && all(e.Lines, orderItem)
	}),
	Define("OrderCancelled", 1, func(e order.Cancelled) bool { return said(e.At, string(e.OrderID), string(e.Reason)) }),
	Define("OrderAttentionNeeded", 1, func(e order.AttentionNeeded) bool {
		return said(e.At, string(e.OrderID), string(e.Step), string(e.Cause)) && e.Attempt > 0
	}),
	Define("OrderRetryRequested", 1, func(e order.RetryRequested) bool {
		return said(e.At, string(e.OrderID), string(e.Step), e.Reason) && e.Attempt > 0 && all(e.Lines, orderItem)
	}),

	Define("StockReceived", 1, func(e stock.Received) bool {
		return said(e.At, string(e.SKU), e.Reference) && e.Quantity > 0
	}),
	Define("StockAdjusted", 1, func(e stock.Adjusted) bool { return said(e.At, string(e.SKU), e.Reason) && e.Delta != 0 }),
	Define("StockShortageRecorded", 1, func(e stock.ShortageRecorded) bool {
		return said(e.At, string(e.SKU), e.Reason) && e.Missing > 0
	}),
	Define("StockAllocated", 1, func(e stock.Allocated) bool {
		return said(e.At, string(e.SKU), e.OrderID) && e.Quantity > 0
	}),
	Define("StockDeallocated", 1, func(e stock.Deallocated) bool {
		return said(e.At, string(e.SKU), e.OrderID) && e.Quantity > 0
	}),
	Define("StockDispatched", 1, func(e stock.Dispatched) bool {
		return said(e.At, string(e.SKU), e.OrderID) && e.Quantity > 0
	}),

	Define("StockReserved", 1, func(e reservation.Reserved) bool { return said(e.At, e.OrderID) && all(e.Lines, reservedLine) }),
	Define("StockRefused", 1, func(e reservation.Refused) bool { return said(e.At, e.OrderID) }),
	Define("StockReleased", 1, func(e reservation.Released) bool { return said(e.At, e.OrderID) && all(e.Lines, reservedLine) }),
	Define("StockCommitted", 1, func(e reservation.Committed) bool {
		return said(e.At, e.OrderID) && all(e.Lines, reservedLine)
	}),
	Define("StockReservationCancelled", 1, func(e reservation.Cancelled) bool { return said(e.At, e.OrderID) }),

	Define("PaymentAuthorizationRequested", 1, func(e payment.AuthorizationRequested) bool {
		return said(e.At, e.OrderID, e.Method, e.Key) && money(e.Amount)
	}),
	Define("PaymentAuthorized", 1, func(e payment.Authorized) bool {
		return said(e.At, e.OrderID, e.AuthorizationID) && money(e.Amount)
	}),
	Define("PaymentDeclined", 1, func(e payment.Declined) bool { return said(e.At, e.OrderID) }), // the reason may be unknown
	Define("PaymentCaptureRequested", 1, func(e payment.CaptureRequested) bool {
		return said(e.At, e.OrderID, e.AuthorizationID, e.Key) && money(e.Amount) && e.Attempt > 0
	}),
	Define("PaymentCaptured", 1, func(e payment.Captured) bool { return said(e.At, e.OrderID) && money(e.Amount) }),
	Define("PaymentCaptureRefused", 1, func(e payment.CaptureRefused) bool { return said(e.At, e.OrderID) && e.Attempt > 0 }),
	Define("PaymentRetryRequested", 1, func(e payment.RetryRequested) bool { return said(e.At, e.OrderID) && e.Attempt > 0 }),
	Define("PaymentUndoRequested", 1, func(e payment.UndoRequested) bool { return said(e.At, e.OrderID) && e.Attempt > 0 }),
	Define("PaymentVoidRequested", 1, func(e payment.VoidRequested) bool {
		return said(e.At, e.OrderID, e.AuthorizationID, e.Key) && e.Attempt > 0
	}),
	Define("PaymentVoided", 1, func(e payment.Voided) bool { return said(e.At, e.OrderID) }),
	Define("PaymentVoidRefused", 1, func(e payment.VoidRefused) bool { return said(e.At, e.OrderID) && e.Attempt > 0 }),
	Define("PaymentRefundRequested", 1, func(e payment.RefundRequested) bool {
		return said(e.At, e.OrderID, e.AuthorizationID, e.Key) && money(e.Amount) && e.Attempt > 0
	}),
	Define("PaymentRefunded", 1, func(e payment.Refunded) bool { return said(e.At, e.OrderID) && money(e.Amount) }),
	Define("PaymentRefundRefused", 1, func(e payment.RefundRefused) bool { return said(e.At, e.OrderID) && e.Attempt > 0 }),

	Define("ProductListed", 1, func(e product.Listed) bool { return said(e.At, string(e.SKU), e.Name) && money(e.Price) }),
	Define("ProductRenamed", 1, func(e product.Renamed) bool { return said(e.At, string(e.SKU), e.Name) }),
	Define("ProductRepriced", 1, func(e product.Repriced) bool { return said(e.At, string(e.SKU)) && money(e.Price) }),
	Define("ProductDiscontinued", 1, func(e product.Discontinued) bool { return said(e.At, string(e.SKU)) }),

	Define("CustomerRegistered", 1, func(e customer.Registered) bool {
		return said(e.At, string(e.CustomerID), e.Name, e.Email)
	}),
	Define("CustomerBlocked", 1, func(e customer.Blocked) bool { return said(e.At, string(e.CustomerID)) }),
	Define("CustomerUnblocked", 1, func(e customer.Unblocked) bool { return said(e.At, string(e.CustomerID)) }),
)

// Types returns all event types of the platform.
func Types() []Type { return platform.Types() }

// Encode returns the type, the schema version and the data to store for an event of the platform; see [Registry.Encode].
func Encode(e aggregates.Event) (eventType string, version int, data []byte, err error) {
	return platform.Encode(e)
}

// Decode returns the Go value of a stored event of the platform; see [Registry.Decode].
func Decode(e eventstore.Event) (aggregates.Event, error) { return platform.Decode(e) }

// Known tells whether a stored event of the platform can be read; see [Registry.Known].
func Known(e eventstore.Event) error { return platform.Known(e) }

func said(at time.Time, words ...string) bool {
	return !at.IsZero() && !slices.Contains(words, "")
}

func all[T any](list []T, valid func(T) bool) bool {
	for _, v := range list {
		if !valid(v) {
			return false
		}
	}
	return len(list) > 0
}

func money(m aggregates.Money) bool        { return m.Amount >= 0 && m.Currency != "" }
func step(s order.Step) bool               { return s != "" }
func orderLine(l order.Line) bool          { return l.SKU != "" && l.Quantity > 0 && money(l.UnitPrice) }
func orderItem(i order.Item) bool          { return i.SKU != "" && i.Quantity > 0 }
func reservedLine(l reservation.Line) bool { return l.SKU != "" && l.Quantity > 0 }
