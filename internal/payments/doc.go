// Package payments makes the calls to the payment provider that recorded intents ask for.
//
// An effect outside goes in three steps, so that a crash between any two lines is repaired by doing the step again:
// the reaction records the intent and a task in one transaction; [Worker] calls the provider outside any transaction,
// under the intent's idempotency key; then it records the outcome and removes the task in one transaction. An answer
// that is not definite (timeout, broken connection, 5xx) leaves the payment unknown: the task is tried again, later,
// under the same key. Unknown is never taken for failed.
//
// An order that costs nothing is authorised without a call: providers hold no amount of zero.
//
// A replay or rebuild has no worker, so it cannot charge anybody.
package payments
