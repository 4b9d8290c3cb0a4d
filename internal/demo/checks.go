package demo

import (
	"context"
	"fmt"
	"slices"
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
	money, err := checkMoney(ctx, shop, orders)
	if err != nil {
		return nil, fmt.Errorf("check the money: %w", err)
	}
	once, err := checkOnce(ctx, shop, orders)
	if err != nil {
		return nil, fmt.Errorf("count the orders: %w", err)
	}
	return append(append(stock, money...), once...), nil
}

// checkStock: exactly the pieces of confirmed orders are reserved, and nothing has left the shelf.
func checkStock(ctx context.Context, shop Shop, orders []Order) ([]Check, error) {
	held := map[string]int64{}
	for _, o := range orders {
		if o.Status != client.StatusConfirmed {
			continue
		}
		for _, l := range o.lines {
			held[l.SKU] += l.Quantity
		}
	}
	var checks []Check
	for _, g := range shelf {
		// The read model of stock may be a moment behind the one of orders.
		var level client.StockLevel
		err := eventually(ctx, func() (bool, error) {
			answer, err := shop.Client.Stock(ctx, g.sku, "")
			level = answer.Value
			return level.Reserved == held[g.sku], err
		})
		if err != nil {
			return nil, err
		}
		checks = append(checks, Check{
			Name:   "stock of " + g.sku + " is held for confirmed orders only",
			OK:     level.Reserved == held[g.sku] && level.OnHand == g.pieces && level.Available == g.pieces-held[g.sku],
			Detail: fmt.Sprintf("%d on hand, %d reserved, confirmed orders hold %d", level.OnHand, level.Reserved, held[g.sku]),
		})
	}
	return checks, nil
}

// checkMoney compares our payments with the provider's own ledger.
func checkMoney(ctx context.Context, shop Shop, orders []Order) ([]Check, error) {
	ledger, err := shop.Ledger(ctx)
	if err != nil {
		return nil, err
	}
	ours := map[string]Order{}
	for _, o := range orders {
		ours[o.ID] = o
	}
	authorized := map[string]int{}
	for _, operation := range ledger {
		if _, known := ours[operation.Request.OrderID]; known && operation.Status == psp.StatusAuthorized {
			authorized[operation.Request.OrderID]++
		}
	}
	var wrong []string
	for _, o := range orders {
		expected := 0
		if o.Status == client.StatusConfirmed {
			expected = 1
		}
		if authorized[o.ID] != expected {
			wrong = append(wrong, fmt.Sprintf("order %s is %s, authorised %d times", o.ID, o.Status, authorized[o.ID]))
		}
	}
	detail := fmt.Sprintf("%d authorisations at the provider, one for each confirmed order", len(authorized))
	if len(wrong) > 0 {
		detail = fmt.Sprint(wrong)
	}
	return []Check{{Name: "money is held once for each confirmed order, and for no other", OK: len(wrong) == 0, Detail: detail}}, nil
}

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

// eventually tries until it holds, for a few seconds; that it never held is not an error.
func eventually(ctx context.Context, holds func() (bool, error)) error {
	limit := time.Now().Add(5 * time.Second)
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
