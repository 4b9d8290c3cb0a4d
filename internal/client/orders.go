package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/ordo-platform/ordo/internal/process"
)

// Money is an amount in minor units (1990 = 19.90) of an ISO 4217 currency.
type Money struct {
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
}

// PlaceOrder is what a customer orders. Prices are not part of it: the platform knows them.
type PlaceOrder struct {
	CustomerID    string `json:"customer_id"`
	Lines         []Item `json:"lines"`
	PaymentMethod string `json:"payment_method"`
}

// Item is a quantity of one SKU.
type Item struct {
	SKU      string `json:"sku"`
	Quantity int64  `json:"quantity"`
}

// Order is an order as the API shows it. The answers to commands and the rows of a list leave parts out.
type Order struct {
	ID            string       `json:"id"`
	Status        Status       `json:"status"`
	Version       int64        `json:"version"`
	CustomerID    string       `json:"customer_id"`
	PaymentMethod string       `json:"payment_method"`
	Lines         []Line       `json:"lines"`
	Total         Money        `json:"total"`
	Reason        string       `json:"reason"` // why it is being undone or ended without effect
	Detail        string       `json:"detail"` // the same in words
	Shortages     []Shortage   `json:"shortages"`
	Shipment      *Shipment    `json:"shipment"` // nil until it is asked for
	PlacedAt      time.Time    `json:"placed_at"`
	UpdatedAt     time.Time    `json:"updated_at"`
	History       []OrderEvent `json:"history"`
}

// Line is one line of an order, at the price it was ordered at.
type Line struct {
	SKU       string `json:"sku"`
	Quantity  int64  `json:"quantity"`
	UnitPrice Money  `json:"unit_price"`
}

// Shipment is how an order leaves.
type Shipment struct {
	Carrier        string `json:"carrier"`
	TrackingNumber string `json:"tracking_number"`
}

// Shortage says how much of a SKU was wanted and how much there was.
type Shortage struct {
	SKU       string `json:"sku"`
	Requested int64  `json:"requested"`
	Available int64  `json:"available"`
}

// OrderEvent is one event of an order's history.
type OrderEvent struct {
	Type     string          `json:"type"`
	Version  int64           `json:"version"`
	Position int64           `json:"position"`
	ID       string          `json:"id"` // empty in the history that is part of an order
	At       time.Time       `json:"at"`
	Data     json.RawMessage `json:"data"` // empty in the history that is part of an order
}

// OrderHistory is all that happened to an order, oldest first.
type OrderHistory struct {
	Events []OrderEvent `json:"events"`
}

// OrderPage is one page of a list of orders. The rows are kept as they came beside what is known of them.
type OrderPage struct {
	Orders     []Order
	Raw        []json.RawMessage // the same rows
	NextCursor string            // empty on the last page
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *OrderPage) UnmarshalJSON(data []byte) error {
	var page struct {
		Orders     []json.RawMessage `json:"orders"`
		NextCursor string            `json:"next_cursor"`
	}
	if err := json.Unmarshal(data, &page); err != nil {
		return err
	}
	if page.Orders == nil { // not the same as none
		return errors.New("no list of orders in it")
	}
	*p = OrderPage{Orders: make([]Order, len(page.Orders)), Raw: page.Orders, NextCursor: page.NextCursor}
	for i, row := range page.Orders {
		if err := json.Unmarshal(row, &p.Orders[i]); err != nil {
			return err
		}
	}
	return nil
}

// ListOrders selects orders and a page of them; zero fields are left to the API.
type ListOrders struct {
	Status     Status
	CustomerID string
	Limit      int
	Cursor     string
}

// PlaceOrder places an order under an idempotency key (1 to 255 printable ASCII characters): the same key and content
// again give the same order. It repeats itself as [Config] says; after an error that is [Temporary] the order may
// have been placed, and the same call again finds out.
func (c *Client) PlaceOrder(ctx context.Context, key string, order PlaceOrder) (Answer[Order], error) {
	body, err := json.Marshal(order)
	if err != nil {
		return Answer[Order]{}, err
	}
	return decode[Order](c.sendUntilAnswered(ctx, request{method: http.MethodPost, path: "/v1/orders", key: key, body: body}))
}

// CancelOrder asks for an order to be undone. Like [Client.ShipOrder] it repeats itself as [Config] says: the same wish
// again changes nothing more.
func (c *Client) CancelOrder(ctx context.Context, id, reason string) (Answer[Order], error) {
	return c.changeOrder(ctx, id, "cancel", map[string]string{"reason": reason})
}

// ShipOrder asks for a confirmed order to be shipped.
func (c *Client) ShipOrder(ctx context.Context, id string, shipment Shipment) (Answer[Order], error) {
	return c.changeOrder(ctx, id, "ship", shipment)
}

// RetryOrder has the step that an order is stuck in done again, under an idempotency key. With a step it is refused unless
// that is the one.
func (c *Client) RetryOrder(ctx context.Context, id, key, step, reason string) (Answer[Order], error) {
	wish := map[string]string{"reason": reason}
	if step != "" {
		wish["step"] = step
	}
	body, err := json.Marshal(wish)
	if err != nil {
		return Answer[Order]{}, err
	}
	return decode[Order](c.sendUntilAnswered(ctx, request{
		method: http.MethodPost, path: "/v1/orders/" + url.PathEscape(id) + "/retry", key: key, body: body,
	}))
}

func (c *Client) changeOrder(ctx context.Context, id, command string, wish any) (Answer[Order], error) {
	body, err := json.Marshal(wish)
	if err != nil {
		return Answer[Order]{}, err
	}
	path := "/v1/orders/" + url.PathEscape(id) + "/" + command
	return decode[Order](c.sendUntilAnswered(ctx, request{method: http.MethodPost, path: path, body: body}))
}

// Order reads one order. With after, a position of an earlier answer, it waits a moment for the read model to get there.
func (c *Client) Order(ctx context.Context, id, after string) (Answer[Order], error) {
	query := url.Values{}
	setIf(query, "after", after)
	return decode[Order](c.send(ctx, request{method: http.MethodGet, path: "/v1/orders/" + url.PathEscape(id), query: query}))
}

// OrderHistory reads what happened to one order.
func (c *Client) OrderHistory(ctx context.Context, id string) (Answer[OrderHistory], error) {
	return decode[OrderHistory](c.send(ctx, request{method: http.MethodGet, path: "/v1/orders/" + url.PathEscape(id) + "/events"}))
}

// OrderProcess reads where an order is on its way through all services.
func (c *Client) OrderProcess(ctx context.Context, id string) (Answer[process.Process], error) {
	return decode[process.Process](c.send(ctx, request{method: http.MethodGet, path: "/v1/orders/" + url.PathEscape(id) + "/process"}))
}

// Orders reads one page of orders.
func (c *Client) Orders(ctx context.Context, list ListOrders) (Answer[OrderPage], error) {
	query := url.Values{}
	setIf(query, "status", string(list.Status))
	setIf(query, "customer_id", list.CustomerID)
	setIf(query, "cursor", list.Cursor)
	if list.Limit > 0 {
		query.Set("limit", strconv.Itoa(list.Limit))
	}
	return decode[OrderPage](c.send(ctx, request{method: http.MethodGet, path: "/v1/orders", query: query}))
}

// OrderPages reads page after page from list.Cursor on. It ends after the first error.
func (c *Client) OrderPages(ctx context.Context, list ListOrders) iter.Seq2[OrderPage, error] {
	return func(yield func(OrderPage, error) bool) {
		for {
			page, err := c.Orders(ctx, list)
			if !yield(page.Value, err) || err != nil || page.Value.NextCursor == "" {
				return
			}
			if page.Value.NextCursor == list.Cursor {
				yield(OrderPage{}, fmt.Errorf("list orders: %w", errSameCursor))
				return
			}
			list.Cursor = page.Value.NextCursor
		}
	}
}

// errSameCursor guards against asking for one page for ever.
var errSameCursor = errors.New("the next page has the cursor of this one")

func setIf(query url.Values, name, value string) {
	if value != "" {
		query.Set(name, value)
	}
}
