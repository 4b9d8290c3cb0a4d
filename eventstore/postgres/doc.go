// Package postgres keeps the event log of one service in PostgreSQL 15 or newer.
//
// It promises what package eventstore asks for, and how it does so is one rule: whoever appends holds the lock of the
// single row of log_head until its transaction has ended. Under that lock every expected version is checked, by a lookup or by
// the unique constraint on stream and version, the survivors get the next positions, and the head moves; so positions are
// gapless and visible in order by construction, and no reader ever has to look back.
//
// One lock would allow one commit at a time, so [Store.Append] commits in groups: one writer per process ([Store.Run])
// takes all appends that are waiting, checks and stores them in one transaction with two round trips, and tells each
// caller its own result. [Store.StageTx] and [Store.AppendTx] do the same within a transaction of the caller. All go through
// [group], which is plain Go without a database.
//
// The statement that moves the head also adds the commit's link to the hash chain (docs/hash-chain.md): only under the lock
// is the link before it known. Leaf hashes are computed by the callers, before they queue.
//
// Beside the log, in the same transactions: receipts of requests with an idempotency key, and tasks, the work that must
// follow an append. Leases say who may act alone.
//
// Tools have ways of their own: [Log] reads any part of a log as it is stored, [Importer] brings the events of another one in,
// by COPY under the same lock.
//
// [Open] starts nothing. Run owns the only goroutine, and one connection outside the pool.
//
// Start reading at [Store.Append], then writer.go and group.go.
package postgres
