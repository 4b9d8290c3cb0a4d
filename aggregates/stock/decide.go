package stock

import (
	"fmt"

	"github.com/ordo-platform/ordo/aggregates"
)

// Limits of a stock.
const (
	MaxReceived        = 1_000_000_000         // pieces in one delivery
	MaxOnHand          = 1_000_000_000_000_000 // pieces in all: every JSON reader takes such a number exactly
	MaxReferenceLength = 200
	MaxReasonLength    = 200
)

// Decider decides on the stock of a SKU.
var Decider = aggregates.Decider[State, Command, Event]{
	Initial: func() State { return State{} },
	Decide:  decide,
	Evolve:  evolve,

	StateVersion: 1,
}

func decide(s State, c Command) ([]Event, error) {
	switch c := c.(type) {
	case Receive:
		return receive(s, c)
	case Adjust:
		return adjust(s, c)
	case Allocate:
		return allocate(s, c)
	case Deallocate:
		if err := checkReserved(s, c.SKU, c.Quantity); err != nil {
			return nil, err
		}
		return []Event{Deallocated(c)}, nil
	case Dispatch:
		return dispatch(s, c)
	default:
		panic(fmt.Sprintf("stock: unknown command %T", c))
	}
}

func receive(s State, c Receive) ([]Event, error) {
	if err := aggregates.CheckSKU("sku", string(c.SKU)); err != nil {
		return nil, err
	}
	if err := aggregates.CheckRange("quantity", c.Quantity, 1, MaxReceived); err != nil {
		return nil, err
	}
	if err := aggregates.CheckText("reference", c.Reference, MaxReferenceLength); err != nil {
		return nil, err
	}
	if taken, again := s.Receipts.quantity(c.Reference); again {
		if taken != c.Quantity {
			return nil, &aggregates.RefusedError{
				Reason: CodeReferenceReused,
				Detail: fmt.Sprintf("delivery %s was received with %d pieces, not %d", c.Reference, taken, c.Quantity),
				Field:  "reference",
			}
		}
		return nil, nil
	}
	if c.Quantity > MaxOnHand-s.OnHand {
		return nil, tooMany("quantity")
	}
	return []Event{Received(c)}, nil
}

func adjust(s State, c Adjust) ([]Event, error) {
	if err := aggregates.CheckSKU("sku", string(c.SKU)); err != nil {
		return nil, err
	}
	if err := aggregates.CheckText("reason", c.Reason, MaxReasonLength); err != nil {
		return nil, err
	}
	switch {
	case c.Delta == 0:
		return nil, &aggregates.RefusedError{Reason: aggregates.CodeOutOfRange, Detail: "must not be 0", Field: "delta"}
	case c.Delta < -MaxOnHand || c.Delta > MaxOnHand-s.OnHand:
		return nil, tooMany("delta")
	case c.Delta >= -s.Available():
		return []Event{adjusted(c)}, nil
	case !c.RecordShortage:
		return nil, &InsufficientError{SKU: c.SKU, Requested: -c.Delta, Available: s.Available(), field: "delta"}
	case c.Delta < -s.OnHand:
		return nil, &aggregates.RefusedError{
			Reason: aggregates.CodeOutOfRange, Detail: fmt.Sprintf("%d pieces are on hand", s.OnHand), Field: "delta",
		}
	}
	return []Event{
		adjusted(c),
		ShortageRecorded{SKU: c.SKU, Missing: s.Reserved - s.OnHand - c.Delta, Reason: c.Reason, At: c.At},
	}, nil
}

func adjusted(c Adjust) Adjusted {
	return Adjusted{SKU: c.SKU, Delta: c.Delta, Reason: c.Reason, At: c.At}
}

func allocate(s State, c Allocate) ([]Event, error) {
	if err := aggregates.CheckRange("quantity", c.Quantity, 1, MaxOnHand); err != nil {
		return nil, err
	}
	if c.Quantity > s.Available() {
		return nil, &InsufficientError{SKU: c.SKU, Requested: c.Quantity, Available: s.Available(), field: "quantity"}
	}
	return []Event{Allocated(c)}, nil
}

// foundReason is that of an adjustment for pieces that were missing and leave.
const foundReason = "left, so it was there"

// dispatch never leaves less than nothing on hand: a parcel that leaves is better evidence than the count it contradicts.
func dispatch(s State, c Dispatch) ([]Event, error) {
	if err := checkReserved(s, c.SKU, c.Quantity); err != nil {
		return nil, err
	}
	if found := c.Quantity - s.OnHand; found > 0 {
		return []Event{Adjusted{SKU: c.SKU, Delta: found, Reason: foundReason, At: c.At}, Dispatched(c)}, nil
	}
	return []Event{Dispatched(c)}, nil
}

// checkReserved refuses to take more from what is reserved than there is.
func checkReserved(s State, sku SKU, quantity int64) error {
	if err := aggregates.CheckRange("quantity", quantity, 1, MaxOnHand); err != nil {
		return err
	}
	if quantity > s.Reserved {
		return &aggregates.RefusedError{
			Reason: CodeNotReserved,
			Detail: fmt.Sprintf("%d pieces of %s are to be taken from those reserved, which are %d", quantity, sku, s.Reserved),
			Field:  "quantity",
		}
	}
	return nil
}

func tooMany(field string) error {
	return &aggregates.RefusedError{
		Reason: aggregates.CodeOutOfRange, Detail: fmt.Sprintf("a stock holds at most %d pieces", int64(MaxOnHand)), Field: field,
	}
}
