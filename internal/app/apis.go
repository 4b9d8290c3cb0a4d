package app

import (
	"context"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/consumer"
	"github.com/ordo-platform/ordo/internal/httpapi"
	"github.com/ordo-platform/ordo/projections/customerview"
	"github.com/ordo-platform/ordo/projections/orderview"
	"github.com/ordo-platform/ordo/projections/productview"
	"github.com/ordo-platform/ordo/projections/stocklevels"
)

// commandsAPI is what the routes of a service with commands need.
func (s *service) commandsAPI() *httpapi.Service {
	return &httpapi.Service{Commands: s.commands, Log: s.store, Receipts: s.store}
}

func (s *service) ordersAPI() *httpapi.Orders {
	return &httpapi.Orders{
		Service:   *s.commandsAPI(),
		Products:  productview.NewQueries(s.pool),
		Customers: customerview.NewQueries(s.pool),
	}
}

func (s *service) viewsAPI(waiter *consumer.Waiter) *httpapi.Views {
	return &httpapi.Views{
		Orders:    orderview.NewQueries(s.pool),
		Stock:     stocklevels.NewQueries(s.pool),
		Products:  productview.NewQueries(s.pool),
		Customers: customerview.NewQueries(s.pool),
		Wait: func(ctx context.Context, model string, positions map[string]eventstore.Position) error {
			for _, m := range readModels {
				position, asked := positions[m.source]
				if m.service != Views || m.name != model || !asked {
					continue
				}
				if err := waiter.WaitFor(ctx, consumerName(Views, m.name), m.source, position); err != nil {
					return err
				}
			}
			return nil
		},
	}
}
