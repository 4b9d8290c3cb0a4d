package order

import (
	"fmt"

	"github.com/ordo-platform/ordo/aggregates"
)

// Limits of an order.
const (
	MaxLines               = 100
	MaxQuantity            = 1_000_000 // pieces in one line
	MaxPaymentMethodLength = 64
	MaxDetailLength        = 500
	MaxReasonLength        = 200 // of a cancellation or a retry
	MaxCarrierLength       = 64
	MaxTrackingLength      = 128
)

// Codes of refusals, beside those of package aggregates.
const (
	CodeNoLines        = "no_lines"
	CodeTooManyLines   = "too_many_lines"
	CodeDuplicateSKU   = "duplicate_sku"
	CodeAmountOverflow = "amount_overflow"
	CodeAlreadyPlaced  = "already_placed"
	CodeInvalidReason  = "invalid_reason"    // an order does not end this way for that reason
	CodeUndoOutOfOrder = "undo_out_of_order" // another step has to be undone first
)

// Decider decides on orders.
var Decider = aggregates.Decider[State, Command, Event]{
	Initial: func() State { return State{} },
	Decide:  decide,
	Evolve:  evolve,
}

func decide(s State, c Command) ([]Event, error) {
	switch c := c.(type) {
	case Place:
		return placeOrder(s, c)
	case RequestPayment:
		return requestPayment(s, c)
	case Confirm:
		return confirm(s, c)
	case Reject:
		return reject(s, c)
	case Compensate:
		return compensate(s, c)
	case RecordUndone:
		return recordUndone(s, c)
	case Ship:
		return ship(s, c)
	case RequestCommit:
		return requestCommit(s, c)
	case CompleteShipment:
		return completeShipment(s, c)
	case Cancel:
		return cancel(s, c)
	case PassDeadline:
		return passDeadline(s, c)
	case RecordRefused:
		return recordRefused(s, c)
	case Retry:
		return retry(s, c)
	default:
		panic(fmt.Sprintf("order: unknown command %T", c))
	}
}

// placeOrder refuses a second order under the same id, even an equal one: whether a request is a repeat is known from its
// idempotency key, not from what it says.
func placeOrder(s State, c Place) ([]Event, error) {
	if s.Status != StatusNone {
		return nil, &aggregates.RefusedError{Reason: CodeAlreadyPlaced, Detail: "there is an order with this id already"}
	}
	if err := aggregates.CheckText("payment_method", c.PaymentMethod, MaxPaymentMethodLength); err != nil {
		return nil, err
	}
	if err := checkLines(c.Lines); err != nil {
		return nil, err
	}
	total, err := sum(c.Lines)
	if err != nil {
		return nil, err
	}
	return []Event{Placed{
		OrderID: c.OrderID, CustomerID: c.CustomerID, Lines: c.Lines, Total: total, PaymentMethod: c.PaymentMethod, At: c.At,
	}}, nil
}

func checkLines(lines []Line) error {
	switch {
	case len(lines) == 0:
		return &aggregates.RefusedError{Reason: CodeNoLines, Detail: "an order needs at least one line", Field: "lines"}
	case len(lines) > MaxLines:
		return &aggregates.RefusedError{
			Reason: CodeTooManyLines, Detail: fmt.Sprintf("an order has at most %d lines, not %d", MaxLines, len(lines)), Field: "lines",
		}
	}
	first := make(map[string]int, len(lines)) // line by SKU
	for i, l := range lines {
		if err := aggregates.CheckSKU(field(i, "sku"), l.SKU); err != nil {
			return err
		}
		if n, again := first[l.SKU]; again {
			return &aggregates.RefusedError{
				Reason: CodeDuplicateSKU, Detail: fmt.Sprintf("%s is in line %d already", l.SKU, n), Field: field(i, "sku"),
			}
		}
		first[l.SKU] = i
		if err := aggregates.CheckRange(field(i, "quantity"), l.Quantity, 1, MaxQuantity); err != nil {
			return err
		}
		if l.UnitPrice.Amount < 0 {
			return &aggregates.RefusedError{
				Reason: aggregates.CodeOutOfRange, Detail: "a price is not below zero", Field: field(i, "unit_price.amount"),
			}
		}
		if err := aggregates.CheckCurrency(field(i, "unit_price.currency"), l.UnitPrice.Currency); err != nil {
			return err
		}
		if l.UnitPrice.Currency != lines[0].UnitPrice.Currency {
			return &aggregates.RefusedError{
				Reason: aggregates.CodeInvalidCurrency,
				Detail: fmt.Sprintf("%s is priced in %s, the lines before it in %s", l.SKU, l.UnitPrice.Currency, lines[0].UnitPrice.Currency),
				Field:  field(i, "unit_price.currency"),
			}
		}
	}
	return nil
}

// sum adds up lines of one currency.
func sum(lines []Line) (aggregates.Money, error) {
	total := aggregates.Money{Currency: lines[0].UnitPrice.Currency}
	for i, l := range lines {
		price, err := l.UnitPrice.Times(l.Quantity)
		if err != nil {
			return aggregates.Money{}, &aggregates.RefusedError{
				Reason: CodeAmountOverflow, Detail: "the line's price is too large", Field: field(i, "quantity"),
			}
		}
		if total, err = total.Plus(price); err != nil {
			return aggregates.Money{}, &aggregates.RefusedError{
				Reason: CodeAmountOverflow, Detail: "the order's total is too large", Field: "lines",
			}
		}
	}
	return total, nil
}

func field(line int, name string) string { return fmt.Sprintf("lines[%d].%s", line, name) }

func items(lines []Line) []Item {
	items := make([]Item, len(lines))
	for i, l := range lines {
		items[i] = Item{SKU: l.SKU, Quantity: l.Quantity}
	}
	return items
}

func notFound() error {
	return &aggregates.RefusedError{Reason: aggregates.CodeNotFound, Detail: "there is no such order"}
}

func invalidState(s State, why string) error {
	return &aggregates.RefusedError{Reason: aggregates.CodeInvalidState, Detail: fmt.Sprintf("the order is %s: %s", s.Status, why)}
}

func invalidReason(r Reason) error {
	return &aggregates.RefusedError{Reason: CodeInvalidReason, Detail: fmt.Sprintf("an order does not end this way for reason %q", r), Field: "reason"}
}

// unknown is what to panic with in a status that evolve never gives.
func unknown(s State) string { return fmt.Sprintf("order %s: unknown status %q", s.ID, s.Status) }
