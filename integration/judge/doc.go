// Package judge proves from the outside that nothing was lost, doubled, reordered or skipped: with its own SQL, its own Kafka
// reader and its own fold, none of it shared with the product. Tests that break a platform on purpose ask it afterwards.
//
// A [World] is a Postgres server and a cluster of brokers that processes under test work on. A [Journal] is a client that keeps
// a record of what it was answered. [World.Rest] waits until nothing is left to be done, [World.Judge] then says what does not
// hold; a spy ([World.Watch]) has looked meanwhile for what can only be seen as it happens.
//
// What the invariants I3 to I18 in its findings mean is in docs/guarantees.md. That it finds known mistakes is proved in
// integration/chaos. Start reading at [World.Judge].
package judge
