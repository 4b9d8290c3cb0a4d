package order

import (
	"fmt"
	"slices"

	"github.com/ordo-platform/ordo/aggregates"
)

// Limits of an order.
const (
	MaxLines               = 100
	MaxQuantity            = 1_000_000 // pieces in one line
	MaxPaymentMethodLength = 64
	MaxDetailLength        = 500
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

func requestPayment(s State, c RequestPayment) ([]Event, error) {
	switch s.Status {
	case StatusPlaced:
		return []Event{PaymentRequested{OrderID: s.ID, Amount: s.Total, PaymentMethod: s.PaymentMethod, At: c.At}}, nil
	case StatusAwaitingPayment, StatusConfirmed:
		return nil, nil // requested before
	case StatusCancelling, StatusRejected:
		return nil, nil // too late: the order is on its way out and takes no money
	case StatusNone:
		return nil, notFound()
	default:
		panic(unknown(s))
	}
}

// confirm leaves an order that is being undone as it is when the payment succeeds late.
func confirm(s State, c Confirm) ([]Event, error) {
	switch s.Status {
	case StatusAwaitingPayment:
		return []Event{Confirmed{OrderID: s.ID, At: c.At}}, nil
	case StatusConfirmed:
		return nil, nil // confirmed before
	case StatusCancelling, StatusRejected:
		return nil, nil // too late: an order that is undone does not come back
	case StatusPlaced:
		return nil, invalidState(s, "its payment has not been requested")
	case StatusNone:
		return nil, notFound()
	default:
		panic(unknown(s))
	}
}

func reject(s State, c Reject) ([]Event, error) {
	if c.Reason != ReasonOutOfStock { // any other comes after something was done that has to be undone
		return nil, invalidReason(c.Reason)
	}
	switch s.Status {
	case StatusPlaced:
		return []Event{Rejected{OrderID: s.ID, Reason: c.Reason, Shortages: c.Shortages, At: c.At}}, nil
	case StatusCancelling, StatusRejected:
		return nil, nil // it ends, or has ended, without effect anyway
	case StatusAwaitingPayment, StatusConfirmed:
		return nil, invalidState(s, "its stock is reserved")
	case StatusNone:
		return nil, notFound()
	default:
		panic(unknown(s))
	}
}

func compensate(s State, c Compensate) ([]Event, error) {
	if c.Reason != ReasonPaymentDeclined {
		return nil, invalidReason(c.Reason)
	}
	switch s.Status {
	case StatusAwaitingPayment:
		return []Event{CompensationStarted{
			OrderID: s.ID,
			Reason:  c.Reason,
			Detail:  aggregates.CleanText(c.Detail, MaxDetailLength), // the provider's words: they must not stop the undoing
			Undo:    []Step{StepReserveStock},                        // all that is done before the payment is awaited
			Lines:   items(s.Lines),
			At:      c.At,
		}}, nil
	case StatusCancelling, StatusRejected:
		return nil, nil // started before
	case StatusPlaced:
		return nil, invalidState(s, "its payment has not been requested")
	case StatusConfirmed:
		return nil, invalidState(s, "its payment is authorised")
	case StatusNone:
		return nil, notFound()
	default:
		panic(unknown(s))
	}
}

func recordUndone(s State, c RecordUndone) ([]Event, error) {
	switch s.Status {
	case StatusCancelling:
		return undone(s, c)
	case StatusRejected:
		return nil, nil // the last step was undone before
	case StatusPlaced, StatusAwaitingPayment, StatusConfirmed:
		return nil, invalidState(s, "it is not being undone")
	case StatusNone:
		return nil, notFound()
	default:
		panic(unknown(s))
	}
}

func undone(s State, c RecordUndone) ([]Event, error) {
	next, rest := s.Undo[0], s.Undo[1:]
	if c.Step != next {
		if slices.Contains(rest, c.Step) {
			return nil, &aggregates.RefusedError{
				Reason: CodeUndoOutOfOrder, Detail: fmt.Sprintf("%s has to be undone before %s", next, c.Step), Field: "step",
			}
		}
		return nil, nil // undone before, or never done
	}
	if len(rest) == 0 {
		return []Event{Rejected{OrderID: s.ID, Reason: s.Reason, At: c.At}}, nil
	}
	return []Event{CompensationAdvanced{OrderID: s.ID, Undone: c.Step, Next: rest[0], Lines: items(s.Lines), At: c.At}}, nil
}

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
