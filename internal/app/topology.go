package app

import (
	"github.com/ordo-platform/ordo/internal/kafka"
)

// partitions is the number of partitions of every events topic, pinned in each log when it is created. It bounds how many
// replicas of a consumer share the work.
const partitions = 12

// consumerName is the consumer group and the checkpoint key of what a service does with events.
func consumerName(service, what string) string { return service + "." + what }

// reactsTo is which services' events each service reacts to as part of the fulfilment process.
var reactsTo = map[string][]string{
	Orders:    {Inventory, Payments},
	Inventory: {Orders},
	Payments:  {Orders},
}

// replication is the number of copies of each partition.
const replication = 1

// topics are all topics of the platform.
func topics() []kafka.TopicSpec {
	var specs []kafka.TopicSpec
	for _, service := range publishers() {
		specs = append(specs, kafka.EventsTopicSpec(service, partitions, replication), kafka.RelayTopicSpec(service, replication))
	}
	return specs
}
