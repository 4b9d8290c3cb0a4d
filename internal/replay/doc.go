// Package replay rebuilds a read model beside the live one, proves it, and puts it in its place.
//
// What it promises:
//
//   - The live generation is only read until the swap. Whatever goes wrong before leaves queries as they are.
//   - What is built comes from the event store, never from Kafka, through the same fold and the same statements as live.
//   - Rows and the positions they have come to move in one transaction. A replay that was killed goes on from there.
//   - The new generation is compared with the live one at exactly the same position in every partition, every row of it.
//   - It becomes live only when it has applied at least what the live one has, in one transaction: readers see no gap, and
//     never an older state.
//   - One replay of a read model at a time, on any machine: a lease, whose epoch every write checks.
//
// Nothing that acts on the outside is linked into this package or called by it: a replay has no effects but rows.
//
// [Replay.Run] owns all goroutines. Start reading there, then build.go, verify.go and swap.go.
package replay
