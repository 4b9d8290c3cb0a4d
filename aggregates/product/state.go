package product

import "github.com/ordo-platform/ordo/aggregates"

// SKU names one kind of goods.
type SKU string

// Stream is the stream of a product.
func Stream(sku SKU) string { return "product-" + string(sku) }

// Status is where a product stands.
type Status string

// The statuses of a product.
const (
	StatusNone         Status = ""
	StatusListed       Status = "listed"
	StatusDiscontinued Status = "discontinued"
)

// State is a product.
type State struct {
	SKU    SKU
	Status Status
	Name   string
	Price  aggregates.Money
}
