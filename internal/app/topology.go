package app

import (
	"io/fs"

	"github.com/ordo-platform/ordo/internal/consumer"
	"github.com/ordo-platform/ordo/internal/kafka"
	"github.com/ordo-platform/ordo/projections"
	"github.com/ordo-platform/ordo/projections/customerview"
	"github.com/ordo-platform/ordo/projections/orderview"
	"github.com/ordo-platform/ordo/projections/productview"
	"github.com/ordo-platform/ordo/projections/stocklevels"
)

// partitions is the number of partitions of every events topic, pinned in each log when it is created. It bounds how many
// replicas of a consumer share the work.
const partitions = 12

// readModel is a projection and where it is kept. The same fold may be kept in several services.
type readModel struct {
	service    string
	name       string
	source     string // the service whose events it folds
	migrations func() fs.FS
	projector  func() consumer.Handler
}

// readModels are all read models. Those in views answer queries; those in orders are the local copies that an order is
// priced and checked with.
var readModels = []readModel{
	{Views, orderview.Model.Name, Orders, orderview.Migrations, func() consumer.Handler { return projections.NewProjector(orderview.Model) }},
	{Views, stocklevels.Model.Name, Inventory, stocklevels.Migrations, func() consumer.Handler { return projections.NewProjector(stocklevels.Model) }},
	{Views, productview.Model.Name, Catalog, productview.Migrations, func() consumer.Handler { return projections.NewProjector(productview.Model) }},
	{Views, customerview.Model.Name, Customers, customerview.Migrations, func() consumer.Handler { return projections.NewProjector(customerview.Model) }},
	{Orders, productview.Model.Name, Catalog, productview.Migrations, func() consumer.Handler { return projections.NewProjector(productview.Model) }},
	{Orders, customerview.Model.Name, Customers, customerview.Migrations, func() consumer.Handler { return projections.NewProjector(customerview.Model) }},
}

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
