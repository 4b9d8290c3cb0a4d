package httpapi

import (
	"net/http"
	"net/url"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/projections/salesdaily"
)

// usualDays is how many days of sales are listed when the client does not say, today included.
const usualDays = 30

// dailySales is what was sold of a SKU on a day.
type dailySales struct {
	Day     string `json:"day" format:"date" example:"2026-05-06"`
	SKU     string `json:"sku"`
	Orders  int64  `json:"orders" doc:"That were confirmed, and not undone since."`
	Pieces  int64  `json:"pieces"`
	Revenue money  `json:"revenue"`
}

type salesPage struct {
	Sales      []dailySales `json:"sales"`
	NextCursor string       `json:"next_cursor,omitzero" doc:"Of the following page; not there on the last one."`
}

func (a *api) listSales(v *Views) endpoint {
	day := func(name, description string) *huma.Param {
		return &huma.Param{Name: name, In: "query", Description: description, Schema: &huma.Schema{Type: huma.TypeString, Format: "date"}}
	}
	return endpoint{
		method: http.MethodGet, path: "/v1/sales/daily", id: "listDailySales", tag: "sales",
		summary:     "List what was sold, by day, SKU and currency",
		description: "An order counts on the day it was placed on (UTC), from when it is confirmed, at the prices it was placed at; it no longer counts once it is being cancelled.",
		service:     ordersService, result: salesPage{}, statuses: []int{http.StatusOK},
		params: []*huma.Param{
			day("from", "First day. By default 29 days before the last one."), day("to", "Last day, today by default."),
			{Name: "sku", In: "query", Description: "Only sales of this SKU.", Schema: pathParam("sku", "").Schema},
			&limitParam, &cursorParam, &afterParam, &preferParam,
		},
		handle: func(r *request) (answer, error) { return a.sales(r, v) },
	}
}

func (a *api) sales(r *request, v *Views) (answer, error) {
	f, filter, err := salesFilter(r)
	if err != nil {
		return answer{}, err
	}
	var cursor salesdaily.Cursor
	limit, resumed, err := r.page(filter, &cursor)
	if err != nil {
		return answer{}, err
	}
	if err := r.await(salesdaily.Model.Name, ""); err != nil {
		return answer{}, err
	}
	after := &cursor
	if !resumed {
		after = nil
	}
	found, err := v.Sales.Days(r.Context(), f, limit, after)
	if err != nil {
		return answer{}, err
	}
	if err := r.setModelPosition(salesdaily.Model.Name); err != nil {
		return answer{}, err
	}
	p := salesPage{Sales: make([]dailySales, len(found.Sales))}
	for i, s := range found.Sales {
		p.Sales[i] = dailySales{
			Day: s.Day.Format(time.DateOnly), SKU: s.SKU, Orders: s.Orders, Pieces: s.Pieces, Revenue: money{Amount: s.Revenue, Currency: s.Currency},
		}
	}
	if found.Next != nil {
		if p.NextCursor, err = r.nextPage(filter, limit, found.Next); err != nil {
			return answer{}, err
		}
	}
	return answerWith(http.StatusOK, 0, p)
}

// salesFilter reads the filter of a list of sales, for the query as for its cursors.
func salesFilter(r *request) (salesdaily.Filter, url.Values, error) {
	f := salesdaily.Filter{To: r.now().Truncate(24 * time.Hour)}
	filter := url.Values{}
	day := func(name string, into *time.Time) error {
		given, err := parameter(r.Request, name)
		if err != nil || given == "" {
			return err
		}
		if *into, err = time.Parse(time.DateOnly, given); err != nil {
			return failField(codeInvalidParameter, name, "must be a day like 2026-05-06")
		}
		filter.Set(name, given)
		return nil
	}
	if err := day("to", &f.To); err != nil {
		return f, nil, err
	}
	f.From = f.To.AddDate(0, 0, 1-usualDays)
	if err := day("from", &f.From); err != nil {
		return f, nil, err
	}
	if f.From.After(f.To) {
		return f, nil, failField(codeInvalidParameter, "from", "is after the last day")
	}
	var err error
	if f.SKU, err = parameter(r.Request, "sku"); err != nil || f.SKU == "" {
		return f, filter, err
	}
	if !aggregates.ValidSKU(f.SKU) {
		return f, nil, failField(codeInvalidID, "sku", "is no SKU")
	}
	filter.Set("sku", f.SKU)
	return f, filter, nil
}
