// Package reservation is what is set aside for one order: all of its lines or none. It is the memory that makes reserving
// idempotent, and the answer the order waits for.
//
// Promises: an order's stock is answered once, with reserved or refused; the same command again, or a later other one,
// is accepted with nothing new; what was reserved is given back or leaves, once.
//
// It counts no pieces. Package stock does, in the same append: who sends [Reserve] or [Release] sends the stock commands
// beside it, and drops them when the reservation has nothing new to say.
//
// A release that comes before its reserve leaves a tombstone ([Cancelled]): the reserve then does nothing.
package reservation
