// Package productview is the read model of the catalog: one row per product with its name, its price and whether it can be
// ordered.
//
// It is folded from the topic catalog.events, and lives in two places: beside the query API, and in the service orders as
// its own copy of the catalog, which orders are priced from. Such a copy may be behind the catalog; an order then holds
// the price its customer was shown a moment ago.
//
// In front of either stands a [Cache] in memory, which forgets a product when it hears of an event, and after a while in any
// case.
//
// Start reading at [Product] and [Apply]; [Queries] and [Cache] are what the API and the pricing of orders ask.
package productview
