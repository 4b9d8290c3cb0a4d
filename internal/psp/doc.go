// Package psp talks to the payment provider over HTTP, and holds a simulator of one.
//
// [Client] promises that an [Answer] is definite: the provider did what it was asked, or it refused. Everything else (a timeout,
// a 5xx, a reset, an answer nobody can read) is an [UnknownError], and unknown is not failed: it may have been done. Call
// again under the same key, or ask with Query, until the answer is definite; compensate only then. The client itself
// never repeats a call: how often and how long is the caller's decision.
//
// [Simulator] is a provider for development, demonstrations and tests: an http.Handler that honours idempotency keys,
// keeps an append-only ledger, and misbehaves as the payment method of a request says (see [Methods]).
//
// Neither starts a goroutine of its own. Both speak the wire format of wire.go; start reading there.
package psp
