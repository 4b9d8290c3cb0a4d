package productview

import (
	"errors"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/product"
	"github.com/ordo-platform/ordo/projections"
)

// Product is one row.
type Product struct {
	SKU    product.SKU      `json:"sku"`
	Name   string           `json:"name"`
	Price  aggregates.Money `json:"price"`
	Status product.Status   `json:"status"`
	projections.Mark
}

// Key implements [projections.Model]: each product has a row, fed by all of its events.
func Key(e projections.Event) (string, bool) {
	_, ok := e.Payload.(product.Event)
	return e.Stream.Key(), ok
}

// Apply implements [projections.Model].
func Apply(r Product, e projections.Event) (Product, error) {
	mark, err := r.Next(e)
	if err != nil {
		return r, err
	}
	if _, listed := e.Payload.(product.Listed); mark.Version == 1 && !listed {
		return r, errors.New("a product begins with being listed")
	}

	switch p := e.Payload.(type) {
	case product.Listed:
		r.SKU, r.Status, r.Name, r.Price = p.SKU, product.StatusListed, p.Name, p.Price
	case product.Renamed:
		r.SKU, r.Name = p.SKU, p.Name
	case product.Repriced:
		r.SKU, r.Price = p.SKU, p.Price
	case product.Discontinued:
		r.SKU, r.Status = p.SKU, product.StatusDiscontinued
	default:
		return r, &projections.UnhandledEventError{Type: p.EventType()}
	}
	r.Mark = mark
	return r, nil
}
