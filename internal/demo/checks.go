package demo

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ordo-platform/ordo/internal/client"
	"github.com/ordo-platform/ordo/internal/psp"
)

// check looks at the shop's books from the outside, once all orders have ended.
func check(ctx context.Context, shop Shop, orders []Order) ([]Check, error) {
	stock, err := checkStock(ctx, shop, orders)
	if err != nil {
		return nil, fmt.Errorf("check the stock: %w", err)
	}
	once, err := checkOnce(ctx, shop, orders)
	if err != nil {
		return nil, fmt.Errorf("count the orders: %w", err)
	}
	return append(append(stock, checkMoney(shop, orders)), once...), nil
}

// checkStock: exactly the pieces of confirmed orders are reserved, and those of shipped orders have left the shelf.
func checkStock(ctx context.Context, shop Shop, orders []Order) ([]Check, error) {
	held, gone := map[string]int64{}, map[string]int64{}
	for _, o := range orders {
		for _, l := range o.lines {
			if o.Status == client.StatusConfirmed {
				held[l.SKU] += l.Quantity
			}
			if o.Status == client.StatusShipped {
				gone[l.SKU] += l.Quantity
			}
		}
	}
	var checks []Check
	for _, g := range shelf {
		want := client.StockLevel{
			SKU: g.sku, OnHand: g.pieces - gone[g.sku], Reserved: held[g.sku], Available: g.pieces - gone[g.sku] - held[g.sku],
		}
		// The read model of stock may be a moment behind the one of orders.
		var level client.StockLevel
		err := eventually(ctx, func() (bool, error) {
			answer, err := shop.Client.Stock(ctx, g.sku, "")
			level = answer.Value
			return level == want, err
		})
		if err != nil {
			return nil, err
		}
		checks = append(checks, Check{
			Name: "stock of " + g.sku + " is held for confirmed orders only, and has left for shipped ones",
			OK:   level == want,
			Detail: fmt.Sprintf("of %d, %d on hand, %d reserved; confirmed orders hold %d, shipped ones had %d",
				g.pieces, level.OnHand, level.Reserved, held[g.sku], gone[g.sku]),
		})
	}
	return checks, nil
}

// checkMoney compares how the orders ended with the provider's own ledger.
func checkMoney(shop Shop, orders []Order) Check {
	did := map[string]map[psp.Status]int{}
	for _, operation := range shop.Provider.Ledger() {
		id := operation.Request.OrderID
		if did[id] == nil {
			did[id] = map[psp.Status]int{}
		}
		did[id][operation.Status]++
	}
	var wrong []string
	held, taken := 0, 0
	for _, o := range orders {
		d := did[o.ID]
		got := books{
			authorized: d[psp.StatusAuthorized],
			held:       d[psp.StatusAuthorized] - d[psp.StatusVoided] - d[psp.StatusCaptured],
			taken:      d[psp.StatusCaptured] - d[psp.StatusRefunded],
		}
		want := books{authorized: min(got.authorized, 1)} // at most once, whatever became of it
		if o.Status == client.StatusConfirmed {
			want = books{authorized: 1, held: 1}
		}
		if o.Status == client.StatusShipped {
			want = books{authorized: 1, taken: 1}
		}
		held, taken = held+got.held, taken+got.taken
		if got != want {
			wrong = append(wrong, fmt.Sprintf("order %s is %s, at the provider: %+v", o.ID, o.Status, got))
		}
	}
	detail := fmt.Sprintf("at the provider %d holds, one for each confirmed order, and %d payments taken, one for each shipped one", held, taken)
	if len(wrong) > 0 {
		detail = strings.Join(wrong, "; ")
	}
	return Check{Name: "money is held for confirmed orders, taken for shipped ones, and for no other", OK: len(wrong) == 0, Detail: detail}
}

// books count what the provider did for one order.
type books struct{ authorized, held, taken int }

// checkOnce: there are exactly the orders that were asked for; a repeated request was answered, not executed.
func checkOnce(ctx context.Context, shop Shop, orders []Order) ([]Check, error) {
	var listed []string
	for page, err := range shop.Client.OrderPages(ctx, client.ListOrders{}) {
		if err != nil {
			return nil, err
		}
		for _, o := range page.Orders {
			listed = append(listed, o.ID)
		}
	}
	found, replayed := 0, true
	for i, o := range orders {
		if slices.Contains(listed, o.ID) {
			found++
		}
		if scenarios[i].repeat && !o.replays {
			replayed = false
		}
	}
	return []Check{
		{
			Name:   "a repeated request makes no second order",
			OK:     replayed && found == len(orders) && len(listed) == len(orders),
			Detail: fmt.Sprintf("%d requests with their own keys, %d orders", len(orders), len(listed)),
		},
	}, nil
}

// eventually tries until it holds, for some seconds; that it never held is not an error.
func eventually(ctx context.Context, holds func() (bool, error)) error {
	limit := time.Now().Add(15 * time.Second)
	for {
		ok, err := holds()
		if ok || err != nil || time.Now().After(limit) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pollPause):
		}
	}
}
