package httpapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/aggregates/payment"
	"github.com/ordo-platform/ordo/aggregates/reservation"
	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/process"
)

// Process is what it takes to tell an order's way: the logs of all services that have a part in it.
type Process struct {
	Orders, Inventory, Payments StreamReader

	// Pending returns what an order waits for, as far as it is a task: the call to the payment provider that is open, and the
	// deadline of its wait. Either may be nil.
	Pending func(ctx context.Context, id order.ID, waits order.Wait) (call, deadline *process.Pending, err error)
}

// StreamReader reads streams of one service.
type StreamReader interface {
	ReadStream(ctx context.Context, id eventstore.StreamID, after eventstore.Version, limit int) ([]eventstore.Recorded, error)
}

func (p *Process) validate() error {
	if p.Orders == nil || p.Inventory == nil || p.Payments == nil || p.Pending == nil {
		return errors.New("httpapi: the process needs the logs of orders, inventory and payments, and their tasks")
	}
	return nil
}

func (a *api) getProcess(p *Process) endpoint {
	return endpoint{
		method: http.MethodGet, path: "/v1/orders/{id}/process", id: "getOrderProcess", tag: "orders", summary: "See where an order is",
		description: "The steps of its process, with what is awaited, since when, and what is still to come; and every event of it in all services, " +
			"each after the one that caused it. Read from the logs themselves, so it is never behind.",
		service: ordersService, result: process.Process{}, statuses: []int{http.StatusOK},
		params:   []*huma.Param{pathParam("id", "Id of the order.")},
		problems: []string{aggregates.CodeNotFound},
		handle: func(r *request) (answer, error) {
			id, err := pathUUID(r, "id")
			if err != nil {
				return answer{}, err
			}
			story, err := p.read(r.Context(), order.ID(id), a.clock())
			if err != nil {
				return answer{}, err
			}
			told, err := process.Describe(story)
			if err != nil {
				return answer{}, err
			}
			r.setPosition(story.Order[len(story.Order)-1].Position)
			return answerWith(http.StatusOK, 0, told)
		},
	}
}

func (p *Process) read(ctx context.Context, id order.ID, now time.Time) (s process.Story, err error) {
	for _, part := range []struct {
		log    StreamReader
		stream string
		events *[]eventstore.Recorded
	}{
		{p.Orders, order.Stream(id), &s.Order},
		{p.Inventory, reservation.Stream(string(id)), &s.Reservation},
		{p.Payments, payment.Stream(string(id)), &s.Payment},
	} {
		if *part.events, err = part.log.ReadStream(ctx, eventstore.StreamID(part.stream), 0, 0); err != nil {
			return s, err
		}
		if len(s.Order) == 0 {
			return s, errNotFound
		}
	}
	waits, err := process.Waits(s.Order)
	if err != nil {
		return s, err
	}
	s.Now = now
	s.Call, s.Deadline, err = p.Pending(ctx, id, waits)
	return s, err
}
