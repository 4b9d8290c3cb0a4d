// Package consumer reads events from Kafka and hands them to a [Handler], each event exactly once: the runtime that
// projectors and reactors share.
//
// What it promises:
//
//   - A checkpoint is a row that moves in the transaction of the events it speaks of, by compare-and-set. A member that was
//     replaced while it slept finds the row moved, undoes its work and starts again from what the database says.
//   - Within a partition, events come in order and without a gap. The position of each says whether it was applied before
//     (skipped and counted); the position before it says whether something is missing (the partition stops). Kafka's offset
//     is only where to look.
//   - Nothing is ever skipped that cannot be applied. A failing handler is asked again until it succeeds; a hole, or a
//     record that is no event, stops its partition. [Consumer.Status] shows both.
//
// What it does not do yet: refill a hole from the store (see [HoleError]), or set aside a record that cannot be applied.
//
// Run owns all goroutines. Start reading at [Consumer.Run], then process in batch.go. [Waiter] is for those who want to read
// what they wrote.
package consumer
