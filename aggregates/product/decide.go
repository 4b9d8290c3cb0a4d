package product

import (
	"fmt"
	"strings"

	"github.com/ordo-platform/ordo/aggregates"
)

// Limits of a product.
const (
	MaxNameLength = 200
	MaxPrice      = 1_000_000_000_000 // minor units
)

// CodeUnknownProduct is the refusal of discontinuing what was never listed.
const CodeUnknownProduct = "unknown_product"

// Decider decides on products.
var Decider = aggregates.Decider[State, Command, Event]{
	Initial: func() State { return State{} },
	Decide:  decide,
	Evolve:  evolve,
}

func decide(s State, c Command) ([]Event, error) {
	switch c := c.(type) {
	case Define:
		return define(s, c)
	case Discontinue:
		return discontinue(s, c)
	default:
		panic(fmt.Sprintf("product: unknown command %T", c))
	}
}

func define(s State, c Define) ([]Event, error) {
	c.Name = strings.TrimSpace(c.Name)
	if err := check(c); err != nil {
		return nil, err
	}
	if s.Status != StatusListed {
		return []Event{Listed(c)}, nil
	}
	var events []Event
	if c.Name != s.Name {
		events = append(events, Renamed{SKU: s.SKU, Name: c.Name, At: c.At})
	}
	if c.Price != s.Price {
		events = append(events, Repriced{SKU: s.SKU, Price: c.Price, At: c.At})
	}
	return events, nil
}

func check(c Define) error {
	if err := aggregates.CheckSKU("sku", string(c.SKU)); err != nil {
		return err
	}
	if err := aggregates.CheckText("name", c.Name, MaxNameLength); err != nil {
		return err
	}
	if err := aggregates.CheckRange("price.amount", c.Price.Amount, 0, MaxPrice); err != nil {
		return err
	}
	return aggregates.CheckCurrency("price.currency", c.Price.Currency)
}

func discontinue(s State, c Discontinue) ([]Event, error) {
	switch s.Status {
	case StatusListed:
		return []Event{Discontinued{SKU: s.SKU, At: c.At}}, nil
	case StatusDiscontinued:
		return nil, nil
	case StatusNone:
		return nil, &aggregates.RefusedError{Reason: CodeUnknownProduct, Detail: "there is no product with this SKU"}
	default:
		panic(fmt.Sprintf("product %s: unknown status %q", s.SKU, s.Status))
	}
}
