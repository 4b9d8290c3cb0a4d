// Package readmodels is the list of all read models and where each is kept: who adds one adds a line here. It knows
// nothing that acts on the outside, so that what rebuilds read models does not either.
package readmodels

import (
	"github.com/ordo-platform/ordo/projections"
	"github.com/ordo-platform/ordo/projections/customerorders"
	"github.com/ordo-platform/ordo/projections/customerview"
	"github.com/ordo-platform/ordo/projections/orderview"
	"github.com/ordo-platform/ordo/projections/productview"
	"github.com/ordo-platform/ordo/projections/salesdaily"
	"github.com/ordo-platform/ordo/projections/stocklevels"
)

// Kept is a read model in the database of a service. The same model may be kept by several.
type Kept struct {
	projections.ReadModel
	Service string // in whose database it is
	Source  string // the service whose events it folds
}

// Consumer is the name under which the model's first generation is fed; see generations.Generation.Consumer.
func (k Kept) Consumer() string { return k.Service + "." + k.Name }

// All returns all read models. Those in views answer queries; those in orders are the local copies that an order is priced
// and checked with.
func All() []Kept {
	return []Kept{
		{orderview.Model.ReadModel(), "views", "orders"},
		{stocklevels.Model.ReadModel(), "views", "inventory"},
		{productview.Model.ReadModel(), "views", "catalog"},
		{customerview.Model.ReadModel(), "views", "customers"},
		{customerorders.Model.ReadModel(), "views", "orders"},
		{salesdaily.Model.ReadModel(), "views", "orders"},
		{productview.Model.ReadModel(), "orders", "catalog"},
		{customerview.Model.ReadModel(), "orders", "customers"},
	}
}

// Of returns the read models that a service keeps.
func Of(service string) []Kept {
	var kept []Kept
	for _, k := range All() {
		if k.Service == service {
			kept = append(kept, k)
		}
	}
	return kept
}
