package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
)

// Product is what can be ordered.
type Product struct {
	SKU   string `json:"sku,omitempty"`
	Name  string `json:"name"`
	Price Money  `json:"price"`
}

// Customer is who orders.
type Customer struct {
	ID     string `json:"id,omitempty"`
	Name   string `json:"name"`
	Email  string `json:"email"`
	Status string `json:"status,omitempty"`
}

// StockLevel counts the pieces of a SKU.
type StockLevel struct {
	SKU       string `json:"sku"`
	OnHand    int64  `json:"on_hand"`
	Reserved  int64  `json:"reserved"`
	Available int64  `json:"available"`
	Short     int64  `json:"short"` // promised to orders and not there
}

// PutProduct makes a product be as given.
func (c *Client) PutProduct(ctx context.Context, p Product) (Answer[Product], error) {
	sku := p.SKU
	p.SKU = ""
	return post[Product](ctx, c, http.MethodPut, "/v1/products/"+url.PathEscape(sku), p)
}

// RegisterCustomer makes a customer known; the answer has the id.
func (c *Client) RegisterCustomer(ctx context.Context, customer Customer) (Answer[Customer], error) {
	return post[Customer](ctx, c, http.MethodPost, "/v1/customers", customer)
}

// ReceiveStock takes a delivery in. The same reference again is the same delivery.
func (c *Client) ReceiveStock(ctx context.Context, sku string, quantity int64, reference string) (Answer[StockLevel], error) {
	return post[StockLevel](ctx, c, http.MethodPost, "/v1/stock/"+url.PathEscape(sku)+"/receipts",
		map[string]any{"quantity": quantity, "reference": reference})
}

// Stock reads the stock of a SKU. With after, a position of an earlier answer, it waits a moment for the read model.
func (c *Client) Stock(ctx context.Context, sku, after string) (Answer[StockLevel], error) {
	query := url.Values{}
	setIf(query, "after", after)
	return decode[StockLevel](c.send(ctx, request{method: http.MethodGet, path: "/v1/stock/" + url.PathEscape(sku), query: query}))
}

func post[T any](ctx context.Context, c *Client, method, path string, body any) (Answer[T], error) {
	encoded, err := json.Marshal(body)
	if err != nil {
		return Answer[T]{}, err
	}
	return decode[T](c.send(ctx, request{method: method, path: path, body: encoded}))
}
