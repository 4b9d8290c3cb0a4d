package httpapi_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/projections/customerorders"
)

func TestDailySales(t *testing.T) {
	t.Parallel()
	p := setup(t)
	res := p.do("GET", "/v1/sales/daily?from=2026-05-06&to=2026-05-06", "").must(t, 200)
	if res.text != `{"sales":[{"day":"2026-05-06","sku":"MUG-1","orders":1,"pieces":2,"revenue":{"amount":3980,"currency":"EUR"}}]}` {
		t.Errorf("one day: %s", res.text)
	}
	if got := res.header.Get("Ordo-Position"); got != "orders:77" {
		t.Errorf("is at %s", got)
	}

	// 30 days to today when nothing is said, in pages that are of one list.
	res = p.do("GET", "/v1/sales/daily?limit=20&after=orders:7", "").must(t, 200)
	if got := fmt.Sprint(p.waitedFor); got != "[map[orders:7]]" || len(res.body["sales"].([]any)) != 20 {
		t.Errorf("waited for %s: %s", got, res.text)
	}
	next := res.body["next_cursor"].(string)
	res = p.do("GET", "/v1/sales/daily?limit=20&cursor="+next, "").must(t, 200)
	if days := res.body["sales"].([]any); len(days) != 10 || days[9].(map[string]any)["day"] != now.Format(time.DateOnly) || res.body["next_cursor"] != nil {
		t.Errorf("last page: %s", res.text)
	}
	p.do("GET", "/v1/sales/daily?sku=MUG-1&cursor="+next, "").refused(t, 400, "invalid_cursor", "cursor")

	p.do("GET", "/v1/sales/daily?to=2026-03-01&sku=MUG-1", "").must(t, 200)
	if f := p.views.sales.asked[len(p.views.sales.asked)-1]; f.From.Format(time.DateOnly) != "2026-01-31" || f.SKU != "MUG-1" {
		t.Errorf("asked for %+v", f)
	}
	for query, field := range map[string]string{
		"from=2026-05-07&to=2026-05-06": "from", "from=6.5.2026": "from", "to=2026-02-30": "to", "to=2026-05-06&to=2026-05-06": "to",
	} {
		p.do("GET", "/v1/sales/daily?"+query, "").refused(t, 400, "invalid_parameter", field)
	}
	p.do("GET", "/v1/sales/daily?sku=a+b", "").refused(t, 400, "invalid_id", "sku")
	p.do("GET", "/v1/sales/daily?limit=201", "").refused(t, 400, "invalid_cursor", "limit")
}

func TestCustomerOrders(t *testing.T) {
	t.Parallel()
	p := setup(t)
	p.seedViews()
	var last []customerorders.Order
	for range 3 {
		last = append(last, customerorders.Order{ID: carol, Bought: true, Total: aggregates.Money{Amount: 5, Currency: "EUR"}, PlacedAt: now})
	}
	p.views.bought.put(ada, customerorders.Customer{
		ID: ada, Totals: []customerorders.Totals{{Currency: "EUR", Placed: 4, Bought: 3, Amount: 15}}, Last: last,
	})
	res := p.do("GET", "/v1/customers/"+ada+"/orders?limit=1&after=orders:7", "").must(t, 200)
	want := `{"customer_id":"` + ada + `","totals":[{"placed":4,"bought":3,"total":{"amount":15,"currency":"EUR"}}],` +
		`"last_orders":[{"id":"` + carol + `","bought":true,"total":{"amount":5,"currency":"EUR"},"placed_at":"2026-11-23T16:00:00Z"}]}`
	if res.text != want || res.header.Get("Ordo-Position") != "orders:77" || fmt.Sprint(p.waitedFor) != "[map[orders:7]]" {
		t.Errorf("got %s %v, waited for %v", res.text, res.header, p.waitedFor)
	}
	if res := p.do("GET", "/v1/customers/"+ada+"/orders", "").must(t, 200); strings.Count(res.text, "placed_at") != 3 {
		t.Errorf("without a limit: %s", res.text)
	}
	if res := p.do("GET", "/v1/customers/"+bob+"/orders", "").must(t, 200); !strings.HasSuffix(res.text, `"totals":[],"last_orders":[]}`) {
		t.Errorf("a customer who has ordered nothing: %s", res.text)
	}
	p.do("GET", "/v1/customers/"+carol+"/orders", "").refused(t, 404, "not_found", "")
	p.do("GET", "/v1/customers/ada/orders", "").refused(t, 400, "invalid_id", "id")
	p.do("GET", "/v1/customers/"+ada+"/orders?limit=0", "").refused(t, 400, "invalid_cursor", "limit")
}
