// Package payment is the payment of one order: the intent, recorded before the provider is called, and the provider's
// answer to it.
//
// Promises: there is one intent for an order, with one idempotency key, so that however often the provider is called for
// it, money is held at most once; only a definite answer is recorded (a timeout is none); two answers that contradict each
// other are refused and never overwrite.
//
// It does not call the provider. Start reading at [Command], then decide.go and evolve.go.
package payment
