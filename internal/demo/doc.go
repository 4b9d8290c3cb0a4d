// Package demo is the story that `ordo demo` tells: it places orders of every fate through the HTTP API, cancels and ships
// some, waits for each to end, and checks from the outside that the shop's books add up. The same story runs in the tests
// on embedded and on real servers. [Hurry] makes a platform tell it in seconds.
package demo
