// Package testenv gives tests real servers: a fresh PostgreSQL database ([Postgres]), a private server that may be killed
// ([DurablePostgres]), an in-memory Kafka cluster ([Kafka]).
//
// One Postgres server serves a test binary. It starts with the first test that asks, without fsync, and ends with
// [Main] or with the process, whichever way that ends. ORDO_TEST_DATABASE_URL names a server to use instead, whose role
// must be allowed to create databases; ORDO_POSTGRES_BIN chooses the programs, as in package embedded.
//
// Tests of the contracts of relay and consumers run on the broker that ORDO_TEST_KAFKA names, if it does, see [RealKafka].
//
// A failed test keeps its database and logs the address. It is there to be looked into while the server is: always with
// ORDO_TEST_DATABASE_URL; else set ORDO_TEST_KEEP=1, then the server's folder outlives the test binary and the way to
// start it is printed.
//
// Start reading at [Postgres]. A package whose tests use this one has a TestMain that calls [Main].
package testenv
