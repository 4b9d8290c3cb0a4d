package httpapi

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/command"
)

type cancelOrder struct {
	Reason string `json:"reason" maxLength:"200" doc:"In your own words." example:"ordered twice"`
}

type shipOrder struct {
	Carrier        string `json:"carrier" maxLength:"64" example:"DHL"`
	TrackingNumber string `json:"tracking_number" maxLength:"128" example:"JD014600003RU"`
}

type retryOrder struct {
	Step   string `json:"step,omitempty" required:"false" maxLength:"64" doc:"Refuse unless this is the step the order is stuck in." example:"void_payment"`
	Reason string `json:"reason" maxLength:"200" doc:"In your own words; it is recorded." example:"the provider is back"`
}

// orderChange is an order as it is right after a command: under way to what was asked for, most often.
type orderChange struct {
	ID       string             `json:"id" format:"uuid"`
	Status   order.Status       `json:"status" enum:"placed,awaiting_payment,confirmed,shipped,rejected,cancelling,cancelled,needs_attention"`
	Version  eventstore.Version `json:"version"`
	Reason   order.Reason       `json:"reason,omitzero" doc:"Why it is being undone or ended without effect." example:"on_request"`
	Shipment *shipment          `json:"shipment,omitempty" required:"false" doc:"How it leaves, once that is known."`
}

// orderCommands are what can be asked of an order that is placed. Each is a wish: the process does it, step by step.
func (a *api) orderCommands(o *Orders) []endpoint {
	id := []*huma.Param{pathParam("id", "Id of the order.")}
	const again = " The same request again is accepted and changes nothing more."
	return []endpoint{
		{
			method: http.MethodPost, path: "/v1/orders/{id}/cancel", id: "cancelOrder", tag: "orders", summary: "Cancel an order",
			description: "Possible at any moment before it is being shipped. What was done for the order is undone, last step first: follow its status." + again,
			service:     ordersService, commands: &o.Service, body: cancelOrder{}, result: orderChange{}, statuses: []int{http.StatusAccepted},
			params: id, problems: []string{aggregates.CodeNotFound, aggregates.CodeInvalidState},
			handle: changeOrder(func(r *request, id order.ID, body cancelOrder) order.Command {
				return order.Cancel{OrderID: id, Reason: body.Reason, At: r.now()}
			}),
		},
		{
			method: http.MethodPost, path: "/v1/orders/{id}/ship", id: "shipOrder", tag: "orders", summary: "Ship an order",
			description: "Possible once it is confirmed. Its payment is captured, then its stock taken out; it is shipped when both are done: follow its status." + again,
			service:     ordersService, commands: &o.Service, body: shipOrder{}, result: orderChange{}, statuses: []int{http.StatusAccepted},
			params: id, problems: []string{aggregates.CodeNotFound, aggregates.CodeInvalidState},
			handle: changeOrder(func(r *request, id order.ID, body shipOrder) order.Command {
				return order.Ship{OrderID: id, Shipment: order.Shipment{Carrier: body.Carrier, TrackingNumber: body.TrackingNumber}, At: r.now()}
			}),
		},
		{
			method: http.MethodPost, path: "/v1/orders/{id}/retry", id: "retryOrder", tag: "orders", summary: "Try again what an order is stuck in",
			description: "Possible when it needs attention. Whoever does the step it waits for does it again. With the same Idempotency-Key it is asked for once.",
			service:     ordersService, commands: &o.Service, body: retryOrder{}, result: orderChange{}, statuses: []int{http.StatusAccepted},
			params: id, problems: []string{aggregates.CodeNotFound, aggregates.CodeInvalidState},
			handle: changeOrder(func(r *request, id order.ID, body retryOrder) order.Command {
				return order.Retry{OrderID: id, Step: order.Step(body.Step), Reason: body.Reason, At: r.now()}
			}),
		},
	}
}

// changeOrder is the handler of a command to an order.
func changeOrder[T any](command func(r *request, id order.ID, body T) order.Command) func(r *request) (answer, error) {
	return func(r *request) (answer, error) {
		id, err := pathUUID(r, "id")
		if err != nil {
			return answer{}, err
		}
		body, err := decode[T](r)
		if err != nil {
			return answer{}, err
		}
		return executeOrder(r, command(r, order.ID(id), body))
	}
}

func executeOrder(r *request, c order.Command) (answer, error) {
	call := command.Call[order.State, order.Command]{Command: c}
	return execute(r, order.Decider, call, func(out command.Outcome[order.State]) (answer, error) {
		s := out.State
		ans, err := answerWith(http.StatusAccepted, out.Version, orderChange{
			ID: string(s.ID), Status: s.Status, Version: out.Version, Reason: s.Reason, Shipment: shipmentOf(s.Shipment),
		})
		ans.Location = orderPath(string(s.ID))
		return ans, err
	})
}
