// Package customerview is the read model of customers: one row per customer with name, e-mail address and whether they may order.
//
// It is folded from the topic customers.events, and lives in two places: beside the query API, and in the service orders,
// which asks it before it takes an order.
//
// Start reading at [Customer] and [Apply]; [Queries] is what the API and the service orders ask.
package customerview
