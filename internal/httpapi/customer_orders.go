package httpapi

import (
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/customer"
	"github.com/ordo-platform/ordo/projections"
	"github.com/ordo-platform/ordo/projections/customerorders"
)

// customerOrders is a customer as a buyer.
type customerOrders struct {
	CustomerID string          `json:"customer_id" format:"uuid"`
	Totals     []customerTotal `json:"totals" doc:"By currency."`
	LastOrders []customerOrder `json:"last_orders" doc:"Newest first."`
}

type customerTotal struct {
	Placed int64 `json:"placed" doc:"Orders, whatever became of them."`
	Bought int64 `json:"bought" doc:"Of them confirmed, and not undone since."`
	Total  money `json:"total" doc:"Of those that were bought."`
}

type customerOrder struct {
	ID       string    `json:"id" format:"uuid"`
	Bought   bool      `json:"bought"`
	Total    money     `json:"total"`
	PlacedAt time.Time `json:"placed_at"`
}

func (a *api) getCustomerOrders(v *Views) endpoint {
	return endpoint{
		method: http.MethodGet, path: "/v1/customers/{id}/orders", id: "getCustomerOrders", tag: "customers",
		summary:     "Read what a customer has ordered: totals, and the last orders",
		description: "All orders, page by page: GET /v1/orders?customer_id=.",
		service:     ordersService, result: customerOrders{}, statuses: []int{http.StatusOK},
		params:   []*huma.Param{pathParam("id", "Id of the customer."), &limitParam, &afterParam, &preferParam},
		problems: []string{aggregates.CodeNotFound, codeInvalidCursor},
		handle: func(r *request) (answer, error) {
			id, err := pathUUID(r, "id")
			if err != nil {
				return answer{}, err
			}
			limit, _, err := r.page(url.Values{}, new(struct{}))
			if err != nil {
				return answer{}, err
			}
			if err := r.await(customerorders.Model.Name, ""); err != nil {
				return answer{}, err
			}
			found, err := v.CustomerOrders.Get(r.Context(), id, limit)
			if missing := new(projections.NotFoundError); errors.As(err, &missing) {
				_, err = v.Customers.Get(r.Context(), customer.ID(id)) // has ordered nothing, or is nobody
			}
			if err != nil {
				return answer{}, err
			}
			if err := r.setModelPosition(customerorders.Model.Name); err != nil {
				return answer{}, err
			}
			return answerWith(http.StatusOK, 0, viewedCustomerOrders(id, found))
		},
	}
}

func viewedCustomerOrders(id string, c customerorders.Customer) customerOrders {
	viewed := customerOrders{CustomerID: id, Totals: make([]customerTotal, len(c.Totals)), LastOrders: make([]customerOrder, len(c.Last))}
	for i, t := range c.Totals {
		viewed.Totals[i] = customerTotal{Placed: t.Placed, Bought: t.Bought, Total: money{Amount: t.Amount, Currency: t.Currency}}
	}
	for i, o := range c.Last {
		viewed.LastOrders[i] = customerOrder{ID: string(o.ID), Bought: o.Bought, Total: money(o.Total), PlacedAt: o.PlacedAt}
	}
	return viewed
}
