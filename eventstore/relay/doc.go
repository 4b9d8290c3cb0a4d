// Package relay publishes the log of one service to Kafka: committed events, in order, exactly once for readers that read
// committed records.
//
// Every batch is one Kafka transaction that holds the events and a checkpoint record. There is no checkpoint in the
// database, so nothing can be true in one place and not in the other. When a transaction ends in any error the relay does
// not ask how it ended. It starts again: lease, new client, fence, and only then read what is in the topics. The fence ends
// whatever an older relay, or an older client of this one, still had under way, so what is read afterwards is final.
//
// Publishing is a pure function of the log. Should an event ever be in a topic twice, or a transaction be torn by a broker,
// the next start sees it in the tails of the partitions and goes on where each of them ends.
//
// What it does not do: make topics, decide partitions (the store does, when an event is appended), or wait for consumers.
// Run owns all goroutines. Start reading at [Relay.Run].
package relay
