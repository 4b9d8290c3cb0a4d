package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/customer"
	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/aggregates/product"
	"github.com/ordo-platform/ordo/internal/command"
	"github.com/ordo-platform/ordo/projections"
	"github.com/ordo-platform/ordo/projections/customerview"
	"github.com/ordo-platform/ordo/projections/productview"
)

// catchUpTime is how long an order waits for the local copies, which run behind the services they copy: a product or customer
// that is not in them may have been made a moment ago.
const catchUpTime = 3 * time.Second

type placeOrder struct {
	CustomerID    string          `json:"customer_id" maxLength:"36" format:"uuid"`
	Lines         []orderLineSent `json:"lines" minItems:"1" maxItems:"100"`
	PaymentMethod string          `json:"payment_method" maxLength:"64" example:"pm_ok"`
}

type orderLineSent struct {
	SKU      string `json:"sku" maxLength:"64" pattern:"^[A-Za-z0-9][A-Za-z0-9._-]*$" example:"MUG-1"`
	Quantity int64  `json:"quantity" minimum:"1" maximum:"1000000"`
}

func (a *api) placeOrder(o *Orders) endpoint {
	return endpoint{
		method: http.MethodPost, path: "/v1/orders", id: "placeOrder", tag: "orders", summary: "Place an order",
		description: "Prices are those of the catalog; they are not sent. The order is placed at once, then reserves stock and is paid for: follow its status.\n\n" +
			"The id of the order is derived from the Idempotency-Key, so one key never makes two orders. Best is a UUID version 7: " +
			"the id then keeps its time, and orders placed one after another lie side by side in the database.",
		service: ordersService, commands: &o.Service, key: keyRequired,
		body: placeOrder{}, result: orderAnswer{}, statuses: []int{http.StatusCreated},
		problems: []string{
			codeCustomerBlocked, order.CodeAlreadyPlaced, aggregates.CodeInvalidSKU, order.CodeDuplicateSKU, order.CodeAmountOverflow,
			aggregates.CodeInvalidCurrency, codeUnknownSKU, codeUnknownCustomer, codeUnknownPaymentMethod,
		},
		handle: func(r *request) (answer, error) { return a.place(r, o) },
	}
}

func (a *api) place(r *request, o *Orders) (answer, error) {
	body, err := decode[placeOrder](r)
	if err != nil {
		return answer{}, err
	}
	if err := a.checkOrder(&body); err != nil {
		return answer{}, err
	}
	found, err := o.lookUp(r.Context(), body)
	if err != nil {
		return answer{}, err
	}
	lines, err := found.price(body)
	if err != nil {
		return answer{}, err
	}
	place := order.Place{
		OrderID: order.ID(r.key.id("order")), CustomerID: body.CustomerID, Lines: lines, PaymentMethod: body.PaymentMethod, At: r.now(),
	}
	call := command.Call[order.State, order.Command]{Command: place, New: true}
	return execute(r, order.Decider, call, func(out command.Outcome[order.State]) (answer, error) {
		ans, err := answerWith(http.StatusCreated, out.Version, placedAnswer(out, place.At))
		ans.Location = orderPath(string(place.OrderID))
		return ans, err
	})
}

// checkOrder refuses what needs no look at the copies to be wrong. It brings the customer's id into its usual spelling.
func (a *api) checkOrder(body *placeOrder) error {
	if !slices.Contains(a.config.PaymentMethods, body.PaymentMethod) {
		return failField(codeUnknownPaymentMethod, "payment_method", "must be one of "+strings.Join(a.config.PaymentMethods, ", "))
	}
	for i, l := range body.Lines {
		if err := aggregates.CheckSKU(fmt.Sprintf("lines[%d].sku", i), l.SKU); err != nil {
			return err
		}
	}
	id, ok := canonicalUUID(body.CustomerID)
	if !ok {
		return failField(codeUnknownCustomer, "customer_id", "is not the id of a customer: those are UUIDs")
	}
	body.CustomerID = id
	return nil
}

// copies are what the local copies say about an order.
type copies struct {
	customer customerview.Customer
	known    bool // the customer is
	products map[product.SKU]productview.Product
}

// lookUp reads the local copies. What is not in them is missing only if they have all that there was when it was looked for.
func (o *Orders) lookUp(ctx context.Context, body placeOrder) (copies, error) {
	skus := make([]product.SKU, 0, len(body.Lines))
	for _, l := range body.Lines {
		if sku := product.SKU(l.SKU); !slices.Contains(skus, sku) {
			skus = append(skus, sku)
		}
	}
	read := func() (found copies, complete bool, err error) {
		found, err = o.read(ctx, customer.ID(body.CustomerID), skus)
		return found, found.known && len(found.products) == len(skus), err
	}
	found, complete, err := read()
	if err != nil || complete {
		return found, err
	}
	limited, cancel := context.WithTimeout(ctx, catchUpTime)
	defer cancel()
	behind := o.CatchUp(limited)
	found, complete, err = read()
	if err == nil && !complete && behind != nil {
		err = fail(codeUnavailable, "what is known here of products and customers is not up to date")
	}
	return found, err
}

func (o *Orders) read(ctx context.Context, id customer.ID, skus []product.SKU) (copies, error) {
	c, err := o.Customers.Get(ctx, id)
	var missing *projections.NotFoundError
	if err != nil && !errors.As(err, &missing) {
		return copies{}, err
	}
	products, perr := o.Products.GetMany(ctx, skus)
	return copies{customer: c, known: err == nil, products: products}, perr
}

// price makes the lines of an order, or refuses it for its customer or for all products that cannot be ordered.
func (c copies) price(body placeOrder) ([]order.Line, error) {
	switch {
	case !c.known:
		return nil, failField(codeUnknownCustomer, "customer_id", "there is no such customer")
	case c.customer.Status == customer.StatusBlocked:
		return nil, failField(codeCustomerBlocked, "customer_id", "the customer is blocked")
	}
	lines := make([]order.Line, 0, len(body.Lines))
	var unknown []fieldError
	for i, l := range body.Lines {
		p, ok := c.products[product.SKU(l.SKU)]
		if !ok || p.Status != product.StatusListed {
			detail := "the catalog does not have " + l.SKU
			if ok {
				detail = l.SKU + " is discontinued"
			}
			unknown = append(unknown, fieldError{Code: codeUnknownSKU, Field: fmt.Sprintf("lines[%d].sku", i), Detail: detail})
			continue
		}
		lines = append(lines, order.Line{SKU: l.SKU, Quantity: l.Quantity, UnitPrice: p.Price})
	}
	if len(unknown) > 0 {
		first := unknown[0]
		return nil, &apiError{code: first.Code, field: first.Field, detail: first.Detail, errors: unknown[:min(len(unknown), maxFieldErrors)]}
	}
	return lines, nil
}
