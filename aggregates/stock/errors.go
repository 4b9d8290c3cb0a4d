package stock

import (
	"fmt"

	"github.com/ordo-platform/ordo/aggregates"
)

// Codes of refusals, beside those of package aggregates.
const (
	CodeInsufficientStock = "insufficient_stock" // see InsufficientError
	CodeReferenceReused   = "reference_reused"   // a delivery's reference came again with another quantity
	CodeNotReserved       = "not_reserved"       // more would be given back, or leave, than is reserved
)

// InsufficientError is the refusal of taking more than is available, with the numbers for those who tell others. It wraps
// an *[aggregates.RefusedError].
type InsufficientError struct {
	SKU       SKU
	Requested int64
	Available int64

	field string // of the command
}

func (e *InsufficientError) Error() string { return e.Unwrap().Error() }

// Unwrap returns the refusal.
func (e *InsufficientError) Unwrap() error {
	detail := fmt.Sprintf("%d pieces of %s are wanted, %d are available", e.Requested, e.SKU, e.Available)
	if e.field == "delta" {
		detail = fmt.Sprintf("%d pieces of %s are to be taken off, and only %d are not promised to orders; send record_shortage to do it all the same", e.Requested, e.SKU, e.Available)
	}
	return &aggregates.RefusedError{
		Reason: CodeInsufficientStock,
		Detail: detail,
		Field:  e.field,
	}
}
