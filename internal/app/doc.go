// Package app is the composition root: it builds services from a [Config] and runs them. The same [Platform] serves one
// service or all of them; [Local] puts an embedded Postgres, an embedded broker and a payment simulator under one.
//
// Here is the only place that knows which service listens to which topic: see topology.go.
package app
