// Package payments makes the calls to the payment provider that recorded intents ask for.
//
// An effect outside goes in three steps, so that a crash between any two lines is repaired by doing the step again:
// the reaction records the intent and a task in one transaction; [Worker] calls the provider outside any transaction,
// under the intent's idempotency key; then it records the outcome and removes the task in one transaction. An answer
// that is not definite (timeout, broken connection, 5xx) leaves the payment unknown: the task is tried again, later,
// under the same key. Unknown is never taken for failed.
//
// The calls are those of a payment.State: authorise, capture, void, refund; a payment has one open at most. An order that
// costs nothing is paid without any: providers hold no amount of zero. [Worker] is careful with the provider (guard.go)
// and with those who wait behind a call that hangs (lanes.go).
//
// A replay or rebuild has no worker, so it cannot charge anybody.
package payments
