// Package customerorders is the read model of customers as buyers: how many orders each has placed, how many of them were
// confirmed and for how much, per currency, and the last ones.
//
// It is folded from the topic orders.events: a small row per order, and sums over them per customer. Personal data is not in
// here, only the customer's id.
//
// Start reading at [Order], [Apply] and [bought]; [Queries] is what people ask.
package customerorders
