package app

import (
	"slices"

	"github.com/ordo-platform/ordo/internal/kafka"
	"github.com/ordo-platform/ordo/internal/readmodels"
)

// Partitions is the number of partitions of every events topic, pinned in each log when it is created. It bounds how many
// replicas of a consumer share the work.
const Partitions = 12

// consumerName is the consumer group and the checkpoint key of what a service does with events.
func consumerName(service, what string) string { return service + "." + what }

// reactsTo is which services' events each service reacts to as part of the fulfilment process.
var reactsTo = map[string][]string{
	Orders:    {Inventory, Payments},
	Inventory: {Orders},
	Payments:  {Orders},
}

// topics are all topics of the platform.
func topics(replication int16) []kafka.TopicSpec {
	replication = max(replication, 1)
	var specs []kafka.TopicSpec
	for _, service := range publishers() {
		specs = append(specs, kafka.EventsTopicSpec(service, Partitions, replication), kafka.RelayTopicSpec(service, replication))
	}
	return specs
}

// Sources are the services whose events a service reads.
func Sources(service string) []string {
	sources := slices.Clone(reactsTo[service])
	for _, kept := range readmodels.Of(service) {
		sources = append(sources, kept.Source)
	}
	slices.Sort(sources)
	return slices.Compact(sources)
}
