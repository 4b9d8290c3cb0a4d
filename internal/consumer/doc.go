// Package consumer reads events from Kafka and hands them to a [Handler], each event exactly once: the runtime that
// projectors and reactors share.
//
// What it promises:
//
//   - A checkpoint is a row that moves in the transaction of the events it speaks of, by compare-and-set. A member that was
//     replaced while it slept finds the row moved, undoes its work and starts again from what the database says.
//   - Within a partition, events come in order and without a gap. The position of each says whether it was applied before
//     (skipped and counted); the position before it says whether something is missing: then it comes from the log of the
//     service ([Source]), or the partition stops. Kafka's offset is only where to look.
//   - An event that cannot be applied is parked, and whatever comes after it under the same key waits behind it, in the
//     transaction that moves the checkpoint; other keys go on. A failure that is not the event's fault parks nothing: the
//     partition waits ([Verdict]). A record that is no event of the log is parked with its bytes and moves no position. What
//     nobody here understands stops its partition.
//   - Everything adds up: consumed = applied + skipped + parked, which the table of checkpoints enforces, and each dead letter
//     has a row that is never deleted. A redrive applies what waits under a key in order, between the batches of its partition.
//   - [Consumer.Status] is measured against the log, not the topic, and its sign of life is that of the loop that works.
//
// Run owns all goroutines. Start reading at [Consumer.Run], then process in partition.go. [DeadLetters] is for operators,
// [Waiter] for those who want to read what they wrote.
package consumer
