// Package load puts a running platform under load and measures it from outside, as its clients see it.
//
// [Orders] is open loop: orders are sent when they are due, whether or not those before were answered, and every latency
// counts from the moment the order was due. A platform that falls behind cannot hide it by slowing the generator down.
//
// It promises that nothing is left out: each order it sent is in the report as placed, refused or of unknown outcome, and
// each placed one with the status it ended in, or as not ended. What must hold in the end (no piece sold twice, every order
// ended as its fate says) is checked against the API.
//
// Start reading at [Orders], then follow.go, which learns from the topic when orders end.
package load
