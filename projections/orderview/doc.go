// Package orderview is the read model of orders: one row per order with what the customer sees of it, and its history.
//
// It is folded from the topic orders.events alone. The order is the hub of its saga, so everything a reader wants to know
// is in the order's own stream, and the result does not depend on how topics interleave.
//
// A row is one order's state at its version; it may be behind the log, never ahead of it and never between two versions.
// Personal data is not in here, only the customer's id.
//
// Start reading at [Order] and [Apply]; [Queries] is what the API asks.
package orderview
