// Package integration tests the platform as a whole on the real thing: PostgreSQL and Apache Kafka in containers.
//
// [Postgres] and [Kafka] start a server for one test and remove it with the test; nothing is shared, so a test may stop,
// fill or break what it got. A test that wants several scenarios on one platform makes them subtests.
//
// A [Server] can be killed, started again on its data, and paused; its address stays the same. Package judge says afterwards from
// outside what does not hold.
//
// Without a Docker engine, or without the images, these tests are skipped with the reason. ORDO_REQUIRE_CONTAINERS=1
// turns such a skip into a failure, for CI; ORDO_SKIP_CONTAINERS=1 skips always, for a run that is about something else.
package integration
