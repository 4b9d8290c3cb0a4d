// Package httpapi is the command and query API over HTTP: JSON in and out, problem details (RFC 9457) for every error,
// OpenAPI 3.1 made from the same declarations that make the routes.
//
// [New] puts the routes of the services it is given on one handler, so the same code serves one service or all of them. It
// starts no goroutines; [NewServer] sets the limits a server needs towards strangers.
//
// What it promises:
//
//   - A request that is refused has stored nothing, and the refusal says which field and why; see problems.go, which is the
//     only place where errors become statuses.
//   - A command with an idempotency key is executed once. Its answer is stored in the transaction of its events, and given
//     again to whoever repeats the request.
//   - Bodies are read strictly: no duplicate, unknown or differently spelled members, no numbers in disguise, no null.
//
// huma provides the OpenAPI model, the schemas of Go types and the adapter to the standard mux. Its own request parsing is
// not used: it cannot name the offence in the detail promised here, and it answers a repeated request from its body
// before anyone could look for a stored answer.
//
// Start reading at [New], then endpoint.go (what surrounds a handler) and place_order.go (the longest of them).
package httpapi

//go:generate go test -run ^TestOpenAPIDocument$ -update .
