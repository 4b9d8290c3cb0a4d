package salesdaily_test

import (
	"slices"
	"testing"
	"time"

	"github.com/ordo-platform/ordo/projections/projectiontest"
	"github.com/ordo-platform/ordo/projections/salesdaily"
)

// Every filter, in pages of every size, gives the rows it should, once each and in order.
func TestDays(t *testing.T) {
	t.Parallel()
	pool := projectiontest.Database(t, salesdaily.Model.Name, salesdaily.Migrations())
	first := time.Date(2026, 5, 6, 0, 0, 0, 0, time.UTC)
	var all []salesdaily.Sales
	for day := range 4 {
		for _, sku := range []string{"A", "B", "a"} { // in the order of bytes
			for _, currency := range []string{"EUR", "USD"} {
				all = append(all, salesdaily.Sales{
					Day: first.AddDate(0, 0, day), SKU: sku, Currency: currency, Orders: int64(len(all)) % 5, Pieces: 7, Revenue: 9,
				})
			}
		}
	}
	for _, s := range all {
		if _, err := pool.Exec(t.Context(), "INSERT INTO salesdaily_days VALUES ($1, $2, $3, $4, $5, $6)",
			s.Day, s.SKU, s.Currency, s.Orders, s.Pieces, s.Revenue); err != nil {
			t.Fatal(err)
		}
	}
	queries := salesdaily.NewQueries(pool)
	for _, f := range []salesdaily.Filter{
		{From: first, To: first.AddDate(0, 0, 9)},
		{From: first.AddDate(0, 0, 1), To: first.AddDate(0, 0, 2)},
		{From: first, To: first},
		{From: first, To: first.AddDate(0, 0, 9), SKU: "a"},
		{From: first.AddDate(0, 0, 7), To: first.AddDate(0, 0, 9)},
	} {
		want := slices.DeleteFunc(slices.Clone(all), func(s salesdaily.Sales) bool {
			return s.Orders == 0 || s.Day.Before(f.From) || s.Day.After(f.To) || f.SKU != "" && f.SKU != s.SKU
		})
		for limit := range 8 {
			var got []salesdaily.Sales
			for after, more := (*salesdaily.Cursor)(nil), true; more; more = after != nil {
				page, err := queries.Days(t.Context(), f, limit, after)
				if err != nil {
					t.Fatal(err)
				}
				got, after = append(got, page.Sales...), page.Next
			}
			if !slices.Equal(got, want) {
				t.Errorf("%+v in pages of %d: got %v, want %v", f, limit, got, want)
			}
		}
	}
}
