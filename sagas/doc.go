// Package sagas holds what a choreographed process is made of: a [Table] of steps, each owned by one service and
// triggered by one kind of event, and the [Reactor] that turns the events a service reads into its reactions.
//
// Nobody coordinates. A reaction is a pure function from an event to commands: it has no clock, store or broker, so it
// can be tested with plain values and never does harm in a replay. A service's runtime (internal/app) feeds the reactor
// from Kafka and has internal/command decide and append, in the transaction that moves the checkpoint.
//
// Start with package sagas/fulfilment, the process of an order.
package sagas
