package httpapi

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/command"
	"github.com/ordo-platform/ordo/projections/orderview"
)

// orderAnswer is an order as clients see it.
type orderAnswer struct {
	ID            string             `json:"id" format:"uuid"`
	Status        order.Status       `json:"status" enum:"placed,awaiting_payment,confirmed,shipped,rejected,cancelling,cancelled,needs_attention"`
	Version       eventstore.Version `json:"version"`
	CustomerID    string             `json:"customer_id" format:"uuid"`
	Lines         []orderLine        `json:"lines"`
	Total         money              `json:"total"`
	PaymentMethod string             `json:"payment_method"`
	Reason        order.Reason       `json:"reason,omitzero" doc:"Why it is being undone or ended without effect." example:"out_of_stock"`
	Detail        string             `json:"detail,omitzero" doc:"The same in words."`
	Shortages     []shortage         `json:"shortages,omitempty" required:"false" doc:"What was missing, when it was rejected for that."`
	Shipment      *shipment          `json:"shipment,omitempty" required:"false" doc:"How it leaves, once that is known."`
	PlacedAt      time.Time          `json:"placed_at"`
	UpdatedAt     time.Time          `json:"updated_at"`
	History       []historyEntry     `json:"history,omitempty" required:"false" doc:"What happened, oldest first, as far as the answer goes; only when one order is read."`
}

type historyEntry struct {
	Type     string              `json:"type" example:"OrderPlaced"`
	Version  eventstore.Version  `json:"version"`
	Position eventstore.Position `json:"position"`
	At       time.Time           `json:"at"`
}

type orderLine struct {
	SKU       string `json:"sku"`
	Quantity  int64  `json:"quantity"`
	UnitPrice money  `json:"unit_price"`
}

type shortage struct {
	SKU       string `json:"sku"`
	Requested int64  `json:"requested"`
	Available int64  `json:"available"`
}

type shipment struct {
	Carrier        string `json:"carrier" example:"DHL"`
	TrackingNumber string `json:"tracking_number" example:"JD014600003RU"`
}

type money struct {
	Amount   int64  `json:"amount" doc:"In minor units: 1990 is 19.90." example:"1990"`
	Currency string `json:"currency" doc:"ISO 4217." example:"EUR"`
}

type orderPage struct {
	Orders     []orderAnswer `json:"orders"`
	NextCursor string        `json:"next_cursor,omitzero" doc:"Of the following page; not there on the last one."`
}

type orderHistory struct {
	OrderID string       `json:"order_id" format:"uuid"`
	Events  []orderEvent `json:"events" doc:"Oldest first."`
}

type orderEvent struct {
	ID            uuid.UUID           `json:"id" format:"uuid"`
	Type          string              `json:"type" example:"OrderPlaced"`
	SchemaVersion int                 `json:"schema_version"`
	Version       eventstore.Version  `json:"version" doc:"Its place in the history of the order, from 1."`
	Position      eventstore.Position `json:"position" doc:"Its place in the log of all orders."`
	At            time.Time           `json:"at" doc:"When it was stored."`
	CorrelationID string              `json:"correlation_id,omitzero" doc:"The same for all that follows from one request."`
	CausationID   string              `json:"causation_id,omitzero" doc:"The event this one is a reaction to."`
	Actor         string              `json:"actor,omitzero" doc:"Who asked: a subject, or a step of the process."`
	Data          eventData           `json:"data"`
}

// eventData is what an event says, as it is stored.
type eventData struct{ jsontext.Value }

// Schema implements huma.SchemaProvider.
func (eventData) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true, Description: "What the event says; its form depends on type and schema_version."}
}

func orderLines(lines []order.Line) []orderLine {
	answers := make([]orderLine, len(lines))
	for i, l := range lines {
		answers[i] = orderLine{SKU: l.SKU, Quantity: l.Quantity, UnitPrice: money(l.UnitPrice)}
	}
	return answers
}

// placedAnswer is an order as it is right after it was placed, at the time the command says.
func placedAnswer(out command.Outcome[order.State], at time.Time) orderAnswer {
	s := out.State
	return orderAnswer{
		ID: string(s.ID), Status: s.Status, Version: out.Version, CustomerID: s.CustomerID, Lines: orderLines(s.Lines), Total: money(s.Total),
		PaymentMethod: s.PaymentMethod, PlacedAt: at, UpdatedAt: at,
	}
}

func shipmentOf(s order.Shipment) *shipment {
	if s == (order.Shipment{}) {
		return nil
	}
	return &shipment{Carrier: s.Carrier, TrackingNumber: s.TrackingNumber}
}

func viewedOrder(o orderview.Order) orderAnswer {
	shortages := make([]shortage, len(o.Shortages))
	for i, s := range o.Shortages {
		shortages[i] = shortage(s)
	}
	entries := make([]historyEntry, len(o.History)) // none in lists
	for i, e := range o.History {
		entries[i] = historyEntry{Type: e.Type, Version: e.Version, Position: e.Position, At: e.At}
	}
	return orderAnswer{
		ID: string(o.ID), Status: o.Status, Version: o.Version, CustomerID: o.CustomerID, Lines: orderLines(o.Lines), Total: money(o.Total),
		PaymentMethod: o.PaymentMethod, Reason: o.Reason, Detail: o.Detail, Shortages: shortages, Shipment: shipmentOf(o.Shipment),
		PlacedAt: o.PlacedAt, UpdatedAt: o.UpdatedAt, History: entries,
	}
}

func (a *api) orderQueries(v *Views) []endpoint {
	return []endpoint{
		{
			method: http.MethodGet, path: "/v1/orders/{id}", id: "getOrder", tag: "orders", summary: "Read an order",
			service: ordersService, result: orderAnswer{}, statuses: []int{http.StatusOK},
			params:   []*huma.Param{pathParam("id", "Id of the order."), &afterParam, &preferParam},
			problems: []string{aggregates.CodeNotFound},
			handle: func(r *request) (answer, error) {
				id, err := pathUUID(r, "id")
				if err != nil {
					return answer{}, err
				}
				if err := r.await(orderview.Model.Name, id); err != nil {
					return answer{}, err
				}
				o, err := v.Orders.Get(r.Context(), order.ID(id))
				if err != nil {
					return answer{}, err
				}
				r.setPosition(o.Position)
				return answerWith(http.StatusOK, o.Version, viewedOrder(o))
			},
		},
		{
			method: http.MethodGet, path: "/v1/orders", id: "listOrders", tag: "orders", summary: "List orders, newest first",
			service: ordersService, result: orderPage{}, statuses: []int{http.StatusOK},
			params: []*huma.Param{
				{Name: "status", In: "query", Description: "Only orders of this status.", Schema: statusSchema()},
				{Name: "customer_id", In: "query", Description: "Only orders of this customer.", Schema: &huma.Schema{Type: huma.TypeString, Format: "uuid"}},
				&limitParam, &cursorParam, &afterParam, &preferParam,
			},
			handle: func(r *request) (answer, error) { return a.listOrders(r, v) },
		},
	}
}

// orderStatuses are what orders can be listed by.
var orderStatuses = []order.Status{
	order.StatusPlaced, order.StatusAwaitingPayment, order.StatusConfirmed, order.StatusShipped,
	order.StatusRejected, order.StatusCancelling, order.StatusCancelled, order.StatusNeedsAttention,
}

func statusSchema() *huma.Schema {
	s := &huma.Schema{Type: huma.TypeString}
	for _, status := range orderStatuses {
		s.Enum = append(s.Enum, string(status))
	}
	return s
}

func (a *api) listOrders(r *request, v *Views) (answer, error) {
	f, filter, err := orderFilter(r)
	if err != nil {
		return answer{}, err
	}
	var cursor orderview.Cursor
	limit, resumed, err := r.page(filter, &cursor)
	if err != nil {
		return answer{}, err
	}
	if err := r.await(orderview.Model.Name, ""); err != nil {
		return answer{}, err
	}
	after := &cursor
	if !resumed {
		after = nil
	}
	found, err := v.Orders.List(r.Context(), f, limit, after)
	if err != nil {
		return answer{}, err
	}
	if err := r.setModelPosition(orderview.Model.Name); err != nil {
		return answer{}, err
	}
	p := orderPage{Orders: make([]orderAnswer, len(found.Orders))}
	for i, o := range found.Orders {
		p.Orders[i] = viewedOrder(o)
	}
	if found.Next != nil {
		if p.NextCursor, err = r.nextPage(filter, limit, found.Next); err != nil {
			return answer{}, err
		}
	}
	return answerWith(http.StatusOK, 0, p)
}

// orderFilter reads the filter of a list, for the query as for its cursors.
func orderFilter(r *request) (orderview.Filter, url.Values, error) {
	var f orderview.Filter
	filter := url.Values{}
	query := r.URL.Query()
	if query.Has("status") {
		status, err := parameter(r.Request, "status")
		if err != nil {
			return f, nil, err
		}
		f.Status = order.Status(status)
		if !slices.Contains(orderStatuses, f.Status) {
			return f, nil, failField(codeInvalidParameter, "status", fmt.Sprintf("must be one of %s", orderStatuses))
		}
		filter.Set("status", status)
	}
	if query.Has("customer_id") {
		id, err := parameter(r.Request, "customer_id")
		if err != nil {
			return f, nil, err
		}
		var ok bool
		if f.CustomerID, ok = canonicalUUID(id); !ok {
			return f, nil, failField(codeInvalidParameter, "customer_id", "must be a UUID")
		}
		filter.Set("customer_id", f.CustomerID)
	}
	return f, filter, nil
}

func (a *api) orderEvents(o *Orders) endpoint {
	return endpoint{
		method: http.MethodGet, path: "/v1/orders/{id}/events", id: "getOrderEvents", tag: "orders", summary: "Read the history of an order",
		description: "Read from the log itself, so it is never behind.",
		service:     ordersService, result: orderHistory{}, statuses: []int{http.StatusOK},
		params:   []*huma.Param{pathParam("id", "Id of the order.")},
		problems: []string{aggregates.CodeNotFound},
		handle: func(r *request) (answer, error) {
			id, err := pathUUID(r, "id")
			if err != nil {
				return answer{}, err
			}
			recorded, err := o.Log.ReadStream(r.Context(), eventstore.StreamID(order.Stream(order.ID(id))), 0, 0)
			if err != nil {
				return answer{}, err
			}
			if len(recorded) == 0 {
				return answer{}, errNotFound
			}
			last := recorded[len(recorded)-1]
			r.setPosition(last.Position)
			return answerWith(http.StatusOK, last.Version, orderHistory{OrderID: id, Events: history(recorded)})
		},
	}
}

func history(recorded []eventstore.Recorded) []orderEvent {
	events := make([]orderEvent, len(recorded))
	for i, e := range recorded {
		events[i] = orderEvent{
			ID: e.ID, Type: e.Type, SchemaVersion: e.SchemaVersion, Version: e.Version, Position: e.Position, At: e.RecordedAt,
			CorrelationID: e.Metadata.CorrelationID, CausationID: e.Metadata.CausationID, Actor: e.Metadata.Actor, Data: eventData{e.Data},
		}
	}
	return events
}
