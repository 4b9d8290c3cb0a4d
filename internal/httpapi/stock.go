package httpapi

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/stock"
	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/command"
	"github.com/ordo-platform/ordo/projections/stocklevels"
)

type receiveStock struct {
	Quantity  int64  `json:"quantity" minimum:"1" maximum:"1000000000"`
	Reference string `json:"reference" maxLength:"200" doc:"The delivery, as in a delivery note." example:"DN-2026-0042"`
}

type adjustStock struct {
	Delta  int64  `json:"delta" doc:"By how much the count was wrong; not 0." example:"-2"`
	Reason string `json:"reason" maxLength:"200" example:"stocktaking"`

	RecordShortage bool `json:"record_shortage,omitempty" doc:"Go below what is promised to orders, and record how many pieces are missing."`
}

// stockAnswer is the stock of a SKU as clients see it.
type stockAnswer struct {
	SKU       string             `json:"sku"`
	OnHand    int64              `json:"on_hand" doc:"What is there."`
	Reserved  int64              `json:"reserved" doc:"The part of it that is promised to orders."`
	Available int64              `json:"available" doc:"The rest, which can still be ordered."`
	Short     int64              `json:"short,omitzero" doc:"What is promised to orders and not there; left out if nothing is."`
	Version   eventstore.Version `json:"version"`
}

func (a *api) stockCommands(s *Service) []endpoint {
	sku := []*huma.Param{pathParam("sku", "The kind of goods.")}
	return []endpoint{
		{
			method: http.MethodPost, path: "/v1/stock/{sku}/receipts", id: "receiveStock", tag: "stock", summary: "Take a delivery in",
			description: "A delivery is known by its reference: the same one again changes nothing, with or without an Idempotency-Key.",
			service:     inventoryService, commands: s, body: receiveStock{}, result: stockAnswer{}, statuses: []int{http.StatusOK},
			params: sku, problems: []string{stock.CodeReferenceReused},
			handle: func(r *request) (answer, error) {
				sku, err := pathSKU(r)
				if err != nil {
					return answer{}, err
				}
				body, err := decode[receiveStock](r)
				if err != nil {
					return answer{}, err
				}
				return executeStock(r, stock.Receive{SKU: stock.SKU(sku), Quantity: body.Quantity, Reference: body.Reference, At: r.now()})
			},
		},
		{
			method: http.MethodPost, path: "/v1/stock/{sku}/adjustments", id: "adjustStock", tag: "stock", summary: "Correct the count",
			description: "Below what is promised to orders only with record_shortage: then the history says how many pieces are missing. Nothing in an adjustment tells a repeat from a second one: send an Idempotency-Key, " +
				"and repeating the request adjusts nothing twice. Without a key, every request adjusts.",
			service: inventoryService, commands: s, body: adjustStock{}, result: stockAnswer{}, statuses: []int{http.StatusOK},
			params: sku, problems: []string{stock.CodeInsufficientStock},
			handle: func(r *request) (answer, error) {
				sku, err := pathSKU(r)
				if err != nil {
					return answer{}, err
				}
				body, err := decode[adjustStock](r)
				if err != nil {
					return answer{}, err
				}
				return executeStock(r, stock.Adjust{
					SKU: stock.SKU(sku), Delta: body.Delta, RecordShortage: body.RecordShortage, Reason: body.Reason, At: r.now(),
				})
			},
		},
	}
}

func executeStock(r *request, c stock.Command) (answer, error) {
	return execute(r, stock.Decider, command.Call[stock.State, stock.Command]{Command: c}, func(out command.Outcome[stock.State]) (answer, error) {
		s := out.State
		return answerWith(http.StatusOK, out.Version, stockAnswer{
			SKU: string(s.SKU), OnHand: s.OnHand, Reserved: s.Reserved, Available: s.Available(), Short: s.Short(), Version: out.Version,
		})
	})
}

func (a *api) getStock(v *Views) endpoint {
	return endpoint{
		method: http.MethodGet, path: "/v1/stock/{sku}", id: "getStock", tag: "stock", summary: "Read the stock of a SKU",
		service: inventoryService, result: stockAnswer{}, statuses: []int{http.StatusOK},
		params:   []*huma.Param{pathParam("sku", "The kind of goods."), &afterParam, &preferParam},
		problems: []string{aggregates.CodeNotFound},
		handle: func(r *request) (answer, error) {
			sku, err := pathSKU(r)
			if err != nil {
				return answer{}, err
			}
			if err := r.await(stocklevels.Model.Name, sku); err != nil {
				return answer{}, err
			}
			l, err := v.Stock.Get(r.Context(), stock.SKU(sku))
			if err != nil {
				return answer{}, err
			}
			r.setPosition(l.Position)
			return answerWith(http.StatusOK, l.Version, stockAnswer{
				SKU: string(l.SKU), OnHand: l.OnHand, Reserved: l.Reserved, Available: l.Available(), Short: l.Short(), Version: l.Version,
			})
		},
	}
}
