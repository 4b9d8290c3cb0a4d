package httpapi

import (
	"net/http"
	"net/url"

	"github.com/danielgtaylor/huma/v2"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/product"
	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/command"
	"github.com/ordo-platform/ordo/projections/productview"
)

type defineProduct struct {
	Name  string    `json:"name" maxLength:"200" example:"Mug, blue"`
	Price priceSent `json:"price"`
}

type priceSent struct {
	Amount   int64  `json:"amount" minimum:"0" maximum:"1000000000000" doc:"In minor units: 1990 is 19.90." example:"1990"`
	Currency string `json:"currency" maxLength:"3" doc:"ISO 4217." example:"EUR"`
}

// productAnswer is a product as clients see it.
type productAnswer struct {
	SKU     string             `json:"sku"`
	Name    string             `json:"name"`
	Price   money              `json:"price"`
	Status  product.Status     `json:"status" enum:"listed,discontinued"`
	Version eventstore.Version `json:"version"`
}

type productPage struct {
	Products   []productAnswer `json:"products"`
	NextCursor string          `json:"next_cursor,omitzero" doc:"Of the following page; not there on the last one."`
}

func viewedProduct(p productview.Product) productAnswer {
	return productAnswer{SKU: string(p.SKU), Name: p.Name, Price: money(p.Price), Status: p.Status, Version: p.Version}
}

func (a *api) productCommands(s *Service) []endpoint {
	sku := []*huma.Param{pathParam("sku", "The product.")}
	return []endpoint{
		{
			method: http.MethodPut, path: "/v1/products/{sku}", id: "defineProduct", tag: "products", summary: "List, rename or reprice a product",
			description: "Makes the product be as given. One that was discontinued is listed again. Orders keep the prices they were placed at.",
			service:     catalogService, commands: s, body: defineProduct{}, result: productAnswer{}, statuses: []int{http.StatusOK, http.StatusCreated},
			params: sku, problems: []string{aggregates.CodeInvalidCurrency},
			handle: func(r *request) (answer, error) {
				sku, err := pathSKU(r)
				if err != nil {
					return answer{}, err
				}
				body, err := decode[defineProduct](r)
				if err != nil {
					return answer{}, err
				}
				return executeProduct(r, product.Define{SKU: product.SKU(sku), Name: body.Name, Price: aggregates.Money(body.Price), At: r.now()})
			},
		},
		{
			method: http.MethodDelete, path: "/v1/products/{sku}", id: "discontinueProduct", tag: "products", summary: "Discontinue a product",
			description: "It cannot be ordered any more. Its history stays; listing it again makes it orderable again.",
			service:     catalogService, commands: s, result: productAnswer{}, statuses: []int{http.StatusOK},
			params: sku, problems: []string{product.CodeUnknownProduct},
			handle: func(r *request) (answer, error) {
				sku, err := pathSKU(r)
				if err != nil {
					return answer{}, err
				}
				return executeProduct(r, product.Discontinue{SKU: product.SKU(sku), At: r.now()})
			},
		},
	}
}

func executeProduct(r *request, c product.Command) (answer, error) {
	return execute(r, product.Decider, command.Call[product.State, product.Command]{Command: c}, func(out command.Outcome[product.State]) (answer, error) {
		s, status := out.State, http.StatusOK
		if out.Changed && out.Version == 1 {
			status = http.StatusCreated
		}
		ans, err := answerWith(status, out.Version, productAnswer{
			SKU: string(s.SKU), Name: s.Name, Price: money(s.Price), Status: s.Status, Version: out.Version,
		})
		if status == http.StatusCreated {
			ans.Location = productPath(string(s.SKU))
		}
		return ans, err
	})
}

func (a *api) productQueries(v *Views) []endpoint {
	return []endpoint{
		{
			method: http.MethodGet, path: "/v1/products/{sku}", id: "getProduct", tag: "products", summary: "Read a product",
			service: catalogService, result: productAnswer{}, statuses: []int{http.StatusOK},
			params:   []*huma.Param{pathParam("sku", "The product."), &afterParam, &preferParam},
			problems: []string{aggregates.CodeNotFound},
			handle: func(r *request) (answer, error) {
				sku, err := pathSKU(r)
				if err != nil {
					return answer{}, err
				}
				if err := r.await(productview.Model.Name, sku); err != nil {
					return answer{}, err
				}
				get := v.Products.Get
				if r.URL.Query().Has(afterParam.Name) {
					get = v.Products.Fresh // what was waited for is in the read model, and nowhere else for certain
				}
				p, err := get(r.Context(), product.SKU(sku))
				if err != nil {
					return answer{}, err
				}
				r.setPosition(p.Position)
				return answerWith(http.StatusOK, p.Version, viewedProduct(p))
			},
		},
		{
			method: http.MethodGet, path: "/v1/products", id: "listProducts", tag: "products", summary: "List the products that can be ordered, by SKU",
			service: catalogService, result: productPage{}, statuses: []int{http.StatusOK},
			params: []*huma.Param{&limitParam, &cursorParam, &afterParam, &preferParam},
			handle: func(r *request) (answer, error) { return a.listProducts(r, v) },
		},
	}
}

func (a *api) listProducts(r *request, v *Views) (answer, error) {
	var after product.SKU
	noFilter := url.Values{}
	limit, _, err := r.page(noFilter, &after)
	if err != nil {
		return answer{}, err
	}
	if err := r.await(productview.Model.Name, ""); err != nil {
		return answer{}, err
	}
	found, err := v.Products.List(r.Context(), productview.Filter{}, limit, after)
	if err != nil {
		return answer{}, err
	}
	if err := r.setModelPosition(productview.Model.Name); err != nil {
		return answer{}, err
	}
	p := productPage{Products: make([]productAnswer, len(found.Products))}
	for i, product := range found.Products {
		p.Products[i] = viewedProduct(product)
	}
	if found.Next != "" {
		if p.NextCursor, err = r.nextPage(noFilter, limit, found.Next); err != nil {
			return answer{}, err
		}
	}
	return answerWith(http.StatusOK, 0, p)
}
