package demo

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/ordo-platform/ordo/internal/client"
	"github.com/ordo-platform/ordo/internal/psp"
)

const (
	pollPause = 15 * time.Millisecond
	patience  = 3 * time.Minute // for one order to end
)

// Report is the outcome of a demo.
type Report struct {
	Orders []Order `json:"orders"`
	Checks []Check `json:"checks"`
}

// Order is one placed order.
type Order struct {
	ID       string        `json:"id"`
	Scenario string        `json:"scenario"`
	Status   client.Status `json:"status"`
	Expected client.Status `json:"expected"`
	Events   []string      `json:"events"` // types of the order's own events, oldest first

	lines   []client.Item
	replays bool // a repeated request was answered with the stored answer
	took    time.Duration
}

// Took is the time from the request to the end of the order, as the client saw it.
func (o Order) Took() time.Duration { return o.took }

// Check is something that must hold in the end.
type Check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
}

// OK tells whether every order ended as expected and every check holds.
func (r Report) OK() bool {
	for _, o := range r.Orders {
		if o.Status != o.Expected {
			return false
		}
	}
	for _, c := range r.Checks {
		if !c.OK {
			return false
		}
	}
	return true
}

// Shop is the platform the demo runs on.
type Shop struct {
	Client   *client.Client
	Provider *psp.Simulator
	Say      func(format string, args ...any) // tells what happens, a line a call; safe for concurrent use
}

// Run fills the shelf, places all orders at once, follows each to its end, and checks the books. An error means that the
// story could not be told; how it ended is in the report.
func Run(ctx context.Context, shop Shop) (Report, error) {
	customer, err := open(ctx, shop)
	if err != nil {
		return Report{}, fmt.Errorf("open the shop: %w", err)
	}
	report := Report{Orders: make([]Order, len(scenarios))}
	g, gctx := errgroup.WithContext(ctx)
	for i, s := range scenarios {
		g.Go(func() (err error) {
			if report.Orders[i], err = play(gctx, shop, customer, s); err != nil {
				err = fmt.Errorf("%s: %w", s.name, err)
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return report, err
	}
	report.Checks, err = check(ctx, shop, report.Orders)
	return report, err
}

// open lists the goods, fills the shelf and registers the customer.
func open(ctx context.Context, shop Shop) (customerID string, err error) {
	for _, g := range shelf {
		price := client.Money{Amount: g.price, Currency: "EUR"}
		if _, err := shop.Client.PutProduct(ctx, client.Product{SKU: g.sku, Name: g.name, Price: price}); err != nil {
			return "", err
		}
		if _, err := shop.Client.ReceiveStock(ctx, g.sku, g.pieces, "demo"); err != nil {
			return "", err
		}
		shop.Say("on the shelf   %-5s %2d × %s", g.sku, g.pieces, g.name)
	}
	customer, err := shop.Client.RegisterCustomer(ctx, client.Customer{Name: "Ada Lovelace", Email: "ada@example.com"})
	return customer.Value.ID, err
}

// play places one order and follows it to its end.
func play(ctx context.Context, shop Shop, customer string, s scenario) (Order, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	key := uuid.Must(uuid.NewV7()).String()
	request := client.PlaceOrder{CustomerID: customer, Lines: s.lines, PaymentMethod: s.method}
	began := time.Now()
	placed, err := shop.Client.PlaceOrder(ctx, key, request)
	if err != nil {
		return Order{}, err
	}
	o := Order{ID: placed.Value.ID, Scenario: s.name, Expected: s.expected, lines: s.lines}
	shop.Say("placed         %s  (%s)", o.ID, s.name)
	if s.repeat {
		again, err := shop.Client.PlaceOrder(ctx, key, request)
		if err != nil {
			return Order{}, err
		}
		o.replays = again.Replayed && again.Value.ID == o.ID
	}
	err = follow(ctx, shop, s, &o, placed.Position)
	o.took = time.Since(began)
	return o, err
}

// follow tells about each new event of an order until its story is told, and asks of it what the scenario has.
func follow(ctx context.Context, shop Shop, s scenario, o *Order, after string) error {
	o.Status = client.StatusPlaced
	told, wishes := 0, s.wishes
	for {
		if len(wishes) > 0 && wishes[0].at == o.Status {
			shop.Say("%-14s %s  (%s)", wishes[0].what, o.ID, s.name)
			answer, err := wishes[0].ask(ctx, shop, o.ID)
			if err != nil {
				return err
			}
			after, wishes = answer.Position, wishes[1:]
		}
		now, err := shop.Client.Order(ctx, o.ID, after)
		var problem *client.ProblemError
		if err != nil && (!errors.As(err, &problem) || problem.Code != "not_found") {
			return err
		}
		for ; told < len(now.Value.History); told++ {
			event := now.Value.History[told].Type
			o.Events = append(o.Events, event)
			shop.Say("               %s  %-26s  (%s)", o.ID, event, o.Scenario)
		}
		if err == nil && !now.Stale { // a stale one may be from before what was asked last
			o.Status = now.Value.Status
			if s.done(o.Status, wishes) {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("order %s is still %q: %w", o.ID, o.Status, ctx.Err())
		case <-time.After(pollPause):
		}
	}
}

// Say returns a Shop.Say that hands whole lines to write, one at a time.
func Say(write func(line string)) func(string, ...any) {
	var mu sync.Mutex
	return func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		write(fmt.Sprintf(format, args...))
	}
}
