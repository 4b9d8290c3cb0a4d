// Package embedded runs the two servers of development mode inside or below this process: a real PostgreSQL as a direct
// child ([StartPostgres]) and an in-memory Kafka broker ([StartBroker]).
//
// What it promises:
//
//   - Both listen on loopback only and end with this process: on Linux even after kill -9 (the child gets a signal from the
//     kernel); elsewhere the next start on the same folder stops what was left.
//   - Postgres keeps every acknowledged commit (fsync and synchronous_commit are on), unless it was asked to be ephemeral.
//   - Whoever works with a database neither owns it nor gets into another: [Postgres.EnsureDatabase] makes a role for each.
//   - It works for root too, although Postgres itself refuses root: the server then runs as an unprivileged account.
//   - One folder, one process: a second one gets a [LockedError] that names the holder.
//
// What it does not do: it is no production server. There is no TLS, no replication, no backup, and the broker forgets
// everything when it ends.
//
// Goroutines: one waits for the Postgres child and ends with it; the broker owns its own and ends them in Close.
//
// Start reading at [StartPostgres]; binaries.go says where the programs come from, cluster.go how a data folder is made.
package embedded
