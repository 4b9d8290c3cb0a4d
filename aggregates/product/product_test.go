package product_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/aggregatetest"
	"github.com/ordo-platform/ordo/aggregates/product"
)

const mug product.SKU = "MUG-1"

var at = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)

func eur(n int64) aggregates.Money { return aggregates.Money{Amount: n, Currency: "EUR"} }

func define(name string, price aggregates.Money) product.Define {
	return product.Define{SKU: mug, Name: name, Price: price, At: at}
}

func listed(name string, price aggregates.Money) product.Listed {
	return product.Listed{SKU: mug, Name: name, Price: price, At: at}
}

func TestEveryCommandInEveryState(t *testing.T) {
	t.Parallel()
	discontinue := product.Discontinue{SKU: mug, At: at}
	discontinued := product.Discontinued{SKU: mug, At: at}
	renamed := product.Renamed{SKU: mug, Name: "Cup", At: at}
	repriced := product.Repriced{SKU: mug, Price: eur(1), At: at}

	none := aggregatetest.For(t, product.Decider)
	none.When(define("Mug", eur(1990))).Then(listed("Mug", eur(1990)))
	_ = none.When(discontinue).ThenRefused(product.CodeUnknownProduct, "")

	on := none.Given(listed("Mug", eur(1990)))
	on.When(define("Mug", eur(1990))).ThenNothing()
	on.When(define(" Mug\t", eur(1990))).ThenNothing() // names are trimmed
	on.When(define("Cup", eur(1990))).Then(renamed)
	on.When(define("Mug", eur(1))).Then(repriced)
	on.When(define("Cup", eur(1))).Then(renamed, repriced)
	on.When(discontinue).Then(discontinued)
	on.Given(renamed, repriced).When(define("Cup", eur(1))).ThenNothing()
	usd := aggregates.Money{Amount: 1990, Currency: "USD"}
	on.When(define("Mug", usd)).Then(product.Repriced{SKU: mug, Price: usd, At: at})

	off := on.Given(discontinued)
	off.When(discontinue).ThenNothing()
	off.When(define("Mug", eur(1990))).Then(listed("Mug", eur(1990)))
	off.Given(listed("Mug", eur(1990))).When(define("Mug", eur(1990))).ThenNothing()
}

func TestDefineRefuses(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		command     product.Define
		code, field string
	}{
		"no name":            {define("", eur(1)), aggregates.CodeRequired, "name"},
		"blank name":         {define("  ", eur(1)), aggregates.CodeRequired, "name"},
		"name too long":      {define(strings.Repeat("ä", 201), eur(1)), aggregates.CodeTooLong, "name"},
		"NUL":                {define("M\x00g", eur(1)), aggregates.CodeInvalidCharacters, "name"},
		"direction override": {define("M\u202eg", eur(1)), aggregates.CodeInvalidCharacters, "name"},
		"not normalised":     {define("Cafe\u0301", eur(1)), aggregates.CodeInvalidCharacters, "name"},
		"price below zero":   {define("Mug", eur(-1)), aggregates.CodeOutOfRange, "price.amount"},
		"price over limit":   {define("Mug", eur(product.MaxPrice+1)), aggregates.CodeOutOfRange, "price.amount"},
		"no currency":        {define("Mug", aggregates.Money{Amount: 1}), aggregates.CodeInvalidCurrency, "price.currency"},
		"unknown currency":   {define("Mug", aggregates.Money{Amount: 1, Currency: "XXL"}), aggregates.CodeInvalidCurrency, "price.currency"},
		"bad SKU":            {product.Define{SKU: "a b", Name: "Mug", Price: eur(1)}, aggregates.CodeInvalidSKU, "sku"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := aggregatetest.For(t, product.Decider)
			_ = s.When(tc.command).ThenRefused(tc.code, tc.field)
			_ = s.Given(listed("Mug", eur(1990))).When(tc.command).ThenRefused(tc.code, tc.field)
		})
	}
	s := aggregatetest.For(t, product.Decider)
	s.When(define(strings.Repeat("ä", 200), eur(product.MaxPrice))).Then(listed(strings.Repeat("ä", 200), eur(product.MaxPrice)))
	s.When(define("Free", eur(0))).Then(listed("Free", eur(0)))
}

// TestAnyCommands: after an accepted Define the product is as defined, whatever was before, and defining it so again says
// nothing new.
func TestAnyCommands(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		state := product.Decider.Initial()
		commands := rapid.Custom(func(t *rapid.T) product.Command {
			if rapid.IntRange(0, 3).Draw(t, "command") == 0 {
				return product.Discontinue{SKU: mug, At: at}
			}
			return define(
				rapid.OneOf(rapid.SampledFrom([]string{"Mug", "Cup"}), rapid.String()).Draw(t, "name"),
				aggregates.Money{Amount: rapid.Int64Range(-1, 3).Draw(t, "amount"), Currency: rapid.SampledFrom([]string{"EUR", "USD", ""}).Draw(t, "currency")},
			)
		})
		for _, c := range rapid.SliceOfN(commands, 1, 20).Draw(t, "commands") {
			events, err := product.Decider.Decide(state, c)
			state = product.Decider.Fold(state, events...)
			if err != nil {
				continue
			}
			if d, ok := c.(product.Define); ok {
				want := product.State{SKU: mug, Status: product.StatusListed, Name: strings.TrimSpace(d.Name), Price: d.Price}
				if state != want {
					t.Fatalf("defined %+v, got %+v", d, state)
				}
			}
			if again, err := product.Decider.Decide(state, c); err != nil || len(again) > 0 {
				t.Fatalf("%+v again: %v, %v", c, again, err)
			}
		}
	})
}

func TestEvolvePanicsOnForeignEvents(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("an event that is not of a product was folded into one")
		}
	}()
	product.Decider.Fold(product.State{}, &product.Discontinued{SKU: mug})
}
