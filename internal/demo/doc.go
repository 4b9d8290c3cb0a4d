// Package demo is the story that `ordo demo` tells: it places orders of every fate through the HTTP API, waits for each to
// end, and checks from the outside that the shop's books add up. The same story runs in the tests on embedded and on real
// servers.
package demo
