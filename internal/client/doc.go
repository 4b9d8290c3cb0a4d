// Package client talks to the HTTP API of Ordo: typed answers, the body as it came beside them, and typed errors.
//
//   - [*ProblemError]: the API answered with a problem document.
//   - [*UnreachableError]: no answer came. Whether the request was executed is unknown, unless the connection was refused.
//   - [*UnexpectedAnswerError]: something answered that does not speak our API (a proxy, another program on the port).
//
// A context that ends comes back as its own error. Only [Client.PlaceOrder] retries, and always under one idempotency
// key; all other methods make one request. No goroutine outlives a call. Start reading at [Client.PlaceOrder].
package client
