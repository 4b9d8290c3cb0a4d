// Package stock counts the pieces of one SKU: how many are on hand, and how many of them are reserved for orders.
//
// Promises: 0 ≤ reserved ≤ on hand ≤ [MaxOnHand] after every event, but for a shortage that somebody has recorded; a delivery
// is taken in once, however often it is reported; nothing is set aside that is not there ([InsufficientError] says how much
// there was).
//
// It does not know which order holds how many pieces: that is package reservation, whose events are appended together
// with the ones here. So [Allocate], [Deallocate] and [Dispatch] are not idempotent by themselves; the reservation is
// asked first.
//
// Start reading at [Command], then decide.go and evolve.go.
package stock
