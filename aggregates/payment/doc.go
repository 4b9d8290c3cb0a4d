// Package payment is the payment of one order: every call to the provider as an intent, recorded before the call, and as
// the provider's definite answer to it, recorded after.
//
//	requested --> authorized --> capturing --> captured --> refunding --> refunded
//	    |             |              |
//	    v             +--> voiding <-+      (the order is undone: nothing may stay held or taken)
//	declined                 |
//	                         v
//	                       voided
//
// An event asks for a call if it carries a key, the idempotency key of every call for that intent:
// [AuthorizationRequested], [CaptureRequested], [VoidRequested], [RefundRequested]. [State].Open is the call that has been
// asked for and not answered; there is one at most, so a call that is not in it has been answered.
//
// Promises: money is held at most once, however often the provider is called; only a definite answer is recorded (a
// timeout is none), so what is not known stays open; two answers that contradict each other are refused and never
// overwrite. An undo that comes while a call is open waits for its answer ([UndoRequested]) and then voids or refunds: a
// late success undoes itself. An undo that comes first of all leaves a tombstone, and the request after it does nothing.
//
// It does not call the provider. Start reading at [Command], then decide.go and evolve.go.
package payment
