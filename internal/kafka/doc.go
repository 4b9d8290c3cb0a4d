// Package kafka is how Ordo speaks Kafka: the names and settings of its topics, the options of its clients, and the one
// mapping between a recorded event and a Kafka record (CloudEvents Kafka binding, binary mode).
//
// What it promises: [Record] is a pure function, so publishing an event again gives the same bytes; [Parse] takes only what
// [Record] makes, anything else is a *[BadEnvelopeError]; [ReadTails] sees what a read-committed reader sees, and always
// comes to an end.
//
// It keeps no state and starts no goroutine of its own. The loops are in eventstore/relay and internal/consumer. Start
// reading at [Record], then [Config].
package kafka
