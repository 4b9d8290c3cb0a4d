// Package eventstore holds the words and the contract of the event store: what an event is, how events are appended
// and read, and which errors a caller can decide on. It knows no database and no broker.
//
// The promises every implementation keeps (package eventstoretest is the contract as a test suite):
//
//   - Append is atomic: all streams, the receipt and the tasks of one [Append] are stored together, or nothing is.
//   - Positions are gapless and commit-ordered: whoever has seen position p will never see a smaller one appear later.
//   - Versions of a stream are 1..n without a gap.
//   - A stored event never changes.
//
// Implementations: package eventstore/postgres. Start reading at [Append] and [Recorded].
package eventstore
