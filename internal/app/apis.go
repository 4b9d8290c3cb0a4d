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
			for _, p := range s.projections {
				position, asked := positions[p.model.Source]
				if p.model.Name != model || !asked {
					continue
				}
				if err := p.waitForLive(ctx, waiter, position); err != nil {
					return err
				}
			}
			return nil
		},
	}
}
