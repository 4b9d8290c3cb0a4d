// Package stocklevels is the read model of stock: one row per SKU that counts the pieces on hand and those set aside.
//
// It is folded from the stock streams of the topic inventory.events. Reservations have no row here: what they take and give
// back is recorded by the stock itself, in the same append. 0 ≤ on hand and 0 ≤ reserved hold in every row, and nothing is
// reserved beyond what is on hand, or the projection stops. A count that goes below what is reserved is a shortage: somebody
// has recorded it.
//
// Start reading at [Level] and [Apply]; [Queries] is what the API asks.
package stocklevels
