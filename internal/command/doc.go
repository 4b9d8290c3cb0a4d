// Package command executes commands: read the stream, fold it, decide, encode, append at the version that was read; when
// someone else appended first, read and decide again. It is the only caller of Decide outside tests.
//
// [Execute] serves one command for one aggregate (the HTTP API). [Handler.React] serves the reactions of a process, many
// in one go, inside the transaction that moves the consumer's checkpoint.
//
// Long histories are read from a snapshot (aggregates.Decider.StateVersion). Snapshots are taken of what was read, stored by
// [Handler.Run] beside the work, and believed only for the very history they were taken of: without them, everything is the
// same and slower.
package command
