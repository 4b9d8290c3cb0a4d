// Package stocklevels is the read model of stock: one row per SKU that counts the pieces on hand and those set aside.
//
// It is folded from the stock streams of the topic inventory.events. Reservations have no row here: what they take and give
// back is recorded by the stock itself, in the same append. 0 ≤ reserved ≤ on hand holds in every row, or the projection
// stops; the table checks it once more.
//
// Start reading at [Level] and [Apply]; [Queries] is what the API asks.
package stocklevels
