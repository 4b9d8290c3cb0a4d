// Package product is what the catalog says about one SKU: its name, its price, and whether it can be ordered.
//
// Promises: [Define] is idempotent, and what changes is told by an event of its own ([Renamed], [Repriced]); names and
// prices are fit to be shown and added up; a price that changes leaves orders placed before alone.
//
// It does not count pieces (package stock). Start reading at [Command], then decide.go and evolve.go.
package product
