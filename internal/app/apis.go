package app

import (
	"context"

	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/consumer"
	"github.com/ordo-platform/ordo/internal/generations"
	"github.com/ordo-platform/ordo/internal/httpapi"
	"github.com/ordo-platform/ordo/internal/kafka"
	"github.com/ordo-platform/ordo/internal/logapi"
	"github.com/ordo-platform/ordo/internal/payments"
	"github.com/ordo-platform/ordo/internal/process"
	"github.com/ordo-platform/ordo/projections/customerorders"
	"github.com/ordo-platform/ordo/projections/customerview"
	"github.com/ordo-platform/ordo/projections/orderview"
	"github.com/ordo-platform/ordo/projections/salesdaily"
	"github.com/ordo-platform/ordo/projections/stocklevels"
	"github.com/ordo-platform/ordo/sagas/fulfilment"
)

// commandsAPI is what the routes of a service with commands need.
func (s *service) commandsAPI() *httpapi.Service {
	return &httpapi.Service{Commands: s.commands, Log: s.store, Receipts: s.store}
}

func (p *Platform) ordersAPI(s *service) (*httpapi.Orders, error) {
	logs := map[string]consumer.Source{}
	for _, copied := range s.projections {
		log, err := p.serviceLog(copied.model.Source)
		if err != nil {
			return nil, err
		}
		logs[copied.model.Name] = log
	}
	return &httpapi.Orders{
		Service:   *s.commandsAPI(),
		Products:  s.products,
		Customers: customerview.NewQueries(s.pool),
		CatchUp: func(ctx context.Context) error {
			for model, log := range logs {
				err := s.live(ctx, model, func(name, topic string) error { return consumer.CatchUp(ctx, s.pool, name, topic, log) })
				if err != nil {
					return err
				}
			}
			return nil
		},
	}, nil
}

func (s *service) viewsAPI(waiter *consumer.Waiter) *httpapi.Views {
	return &httpapi.Views{
		Orders:    orderview.NewQueries(s.pool),
		Stock:     stocklevels.NewQueries(s.pool),
		Products:  s.products,
		Customers: customerview.NewQueries(s.pool),

		CustomerOrders: customerorders.NewQueries(s.pool),
		Sales:          salesdaily.NewQueries(s.pool),

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
		Position: func(ctx context.Context, model string) (position eventstore.Position, err error) {
			err = s.live(ctx, model, func(name, topic string) error {
				applied, err := consumer.Applied(ctx, s.pool, name, topic)
				for _, p := range applied {
					position = max(position, p)
				}
				return err
			})
			return position, err
		},
		Parked: func(ctx context.Context, model, key string) (parked bool, err error) {
			err = s.live(ctx, model, func(name, _ string) error {
				parked, err = consumer.Parked(ctx, s.pool, name, key)
				return err
			})
			return parked, err
		},
	}
}

// live calls do with the consumer that feeds the live generation of a read model, and the topic it reads.
func (s *service) live(ctx context.Context, model string, do func(consumer, topic string) error) error {
	for _, p := range s.projections {
		if p.model.Name != model {
			continue
		}
		number, err := p.catalogue.LiveNumber(ctx, model)
		if err != nil {
			return err
		}
		g := generations.Generation{Model: model, Number: number}
		return do(g.Consumer(p.model.Consumer()), kafka.EventsTopic(p.model.Source))
	}
	return nil
}

// processAPI tells orders' ways from the logs and tasks of all who have a part in them. It belongs to orders.
func (p *Platform) processAPI() (*httpapi.Process, error) {
	orders := p.services[Orders]
	if orders == nil {
		return nil, nil
	}
	inventory, err := p.serviceLog(Inventory)
	if err != nil {
		return nil, err
	}
	payment, err := p.serviceLog(Payments)
	if err != nil {
		return nil, err
	}
	return &httpapi.Process{
		Orders: orders.store, Inventory: inventory, Payments: payment,
		Pending: func(ctx context.Context, id order.ID, waits order.Wait) (call, deadline *process.Pending, err error) {
			if call, err = pending(ctx, payment, payments.CallTask, string(id)); err != nil || waits == (order.Wait{}) {
				return call, nil, err
			}
			deadline, err = pending(ctx, orders.store, fulfilment.DeadlineTask, fulfilment.DeadlineKey(id, waits))
			return call, deadline, err
		},
	}, nil
}

func pending(ctx context.Context, log logapi.Log, kind, key string) (*process.Pending, error) {
	task, found, err := log.Task(ctx, kind, key)
	if err != nil || !found {
		return nil, err
	}
	return &process.Pending{Attempt: task.Attempt, Due: task.Due.UTC(), LastError: task.LastError}, nil
}
