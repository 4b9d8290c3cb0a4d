package httpapi_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/customer"
	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/aggregates/payment"
	"github.com/ordo-platform/ordo/aggregates/product"
	"github.com/ordo-platform/ordo/aggregates/stock"
	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/command"
	"github.com/ordo-platform/ordo/internal/httpapi"
	"github.com/ordo-platform/ordo/projections"
	"github.com/ordo-platform/ordo/projections/customerview"
	"github.com/ordo-platform/ordo/projections/orderview"
	"github.com/ordo-platform/ordo/projections/productview"
	"github.com/ordo-platform/ordo/projections/stocklevels"
	"github.com/ordo-platform/ordo/schemas"
)

var errStop = errors.New("stop here")

// request makes a JSON request with an idempotency key and a context of its own.
func (p *platform) request(ctx context.Context, method, target, body, key string) *http.Request {
	p.t.Helper()
	r := httptest.NewRequestWithContext(ctx, method, target, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", key)
	return r
}

func TestProductCommands(t *testing.T) {
	t.Parallel()
	p := setup(t)
	const mug, dearer = `{"name":"Mug","price":{"amount":1990,"currency":"EUR"}}`, `{"name":"Mug","price":{"amount":2090,"currency":"EUR"}}`

	res := p.do("PUT", "/v1/products/MUG-1", mug).must(t, 201)
	if got := res.header.Get("Location") + res.header.Get("ETag") + res.header.Get("Ordo-Position"); got != `/v1/products/MUG-1"1"catalog:1` {
		t.Errorf("made: %s", got)
	}
	p.do("PUT", "/v1/products/MUG-1", mug).must(t, 200) // nothing new
	p.do("PUT", "/v1/products/MUG-1", dearer, "If-Match", `"7"`).refused(t, 412, "version_conflict", "If-Match")
	if v := p.do("PUT", "/v1/products/MUG-1", dearer, "If-Match", `"7"`).body["current_version"]; v != 1.0 {
		t.Errorf("current_version is %v", v)
	}
	res = p.do("PUT", "/v1/products/MUG-1", dearer, "If-Match", `"1"`).must(t, 200)
	if res.header.Get("ETag") != `"2"` || res.body["price"].(map[string]any)["amount"] != 2090.0 {
		t.Errorf("repriced: %s", res.text)
	}
	res = p.do("DELETE", "/v1/products/MUG-1", "").must(t, 200)
	if res.body["status"] != "discontinued" {
		t.Errorf("discontinued: %s", res.text)
	}
	p.do("DELETE", "/v1/products/MUG-1", "").must(t, 200)
	if n := p.appended(); n != 3 {
		t.Errorf("%d events", n)
	}
	p.do("DELETE", "/v1/products/NOPE", "").refused(t, 404, "unknown_product", "")
}

func TestCustomerCommands(t *testing.T) {
	t.Parallel()
	p := setup(t)
	const body = `{"name":"Ada","email":"ada@example.com"}`
	first := p.do("POST", "/v1/customers", body).must(t, 201)
	second := p.do("POST", "/v1/customers", body).must(t, 201)
	if first.body["id"] == second.body["id"] {
		t.Error("without a key two requests are two customers")
	}
	keyed := p.do("POST", "/v1/customers", body, "Idempotency-Key", "k").must(t, 201)
	if again := p.do("POST", "/v1/customers", body, "Idempotency-Key", "k"); again.text != keyed.text || again.status != 201 {
		t.Errorf("repeated: %s", again.text)
	}
	clear(p.stores["customers"].receipts)
	if again := p.do("POST", "/v1/customers", body, "Idempotency-Key", "k"); again.body["id"] != keyed.body["id"] {
		t.Errorf("repeated after the receipt is gone: %s", again.text)
	}
	id := keyed.header.Get("Location")
	for _, step := range []struct{ path, status, etag string }{
		{"/block", "blocked", `"2"`},
		{"/block", "blocked", `"2"`},
		{"/unblock", "active", `"3"`},
	} {
		res := p.do("POST", id+step.path, "").must(t, 200)
		if res.body["status"] != step.status || res.header.Get("ETag") != step.etag {
			t.Errorf("%s: %s %s", step.path, res.header.Get("ETag"), res.text)
		}
	}
	p.do("POST", "/v1/customers/"+carol+"/block", "").refused(t, 404, "not_found", "")
}

func TestStockCommands(t *testing.T) {
	t.Parallel()
	p := setup(t)
	const receipts, adjustments = "/v1/stock/MUG-1/receipts", "/v1/stock/MUG-1/adjustments"
	p.do("POST", receipts, `{"quantity":5,"reference":"DN-1"}`).must(t, 200)
	res := p.do("POST", receipts, `{"quantity":5,"reference":"DN-1"}`).must(t, 200)
	if res.text != `{"sku":"MUG-1","on_hand":5,"reserved":0,"available":5,"version":1}` {
		t.Errorf("received twice: %s", res.text)
	}
	p.do("POST", receipts, `{"quantity":6,"reference":"DN-1"}`).refused(t, 409, "reference_reused", "reference")

	first := p.do("POST", adjustments, `{"delta":-1,"reason":"broken"}`, "Idempotency-Key", "k").must(t, 200)
	p.do("POST", receipts, `{"quantity":5,"reference":"DN-2"}`).must(t, 200)
	again := p.do("POST", adjustments, `{"delta":-1,"reason":"broken"}`, "Idempotency-Key", "k").must(t, 200)
	if again.text != first.text || again.header.Get("Ordo-Position") != "inventory:2" || p.appended() != 3 {
		t.Errorf("adjusted twice: %s %v, %d events", again.text, again.header, p.appended())
	}
	p.do("POST", adjustments, `{"delta":-1,"reason":"broken"}`).must(t, 200)
	if n := p.appended(); n != 4 {
		t.Errorf("%d events", n)
	}
}

// A count below what orders were promised is refused, unless it is meant: then the answer and the view say what is missing.
func TestShortageIsRecordedOnPurpose(t *testing.T) {
	t.Parallel()
	p := setup(t)
	for _, c := range []stock.Command{
		stock.Receive{SKU: "MUG-1", Quantity: 5, Reference: "DN-1", At: now},
		stock.Allocate{SKU: "MUG-1", OrderID: confirmedOrder, Quantity: 4, At: now},
	} {
		_, err := command.Execute(t.Context(), p.config.Inventory.Commands, stock.Decider, command.Call[stock.State, stock.Command]{Command: c})
		if err != nil {
			t.Fatal(err)
		}
	}
	const adjustments = "/v1/stock/MUG-1/adjustments"
	p.do("POST", adjustments, `{"delta":-3,"reason":"water"}`).refused(t, 409, "insufficient_stock", "delta")
	p.do("POST", adjustments, `{"delta":-6,"reason":"water","record_shortage":true}`).refused(t, 422, "out_of_range", "delta")
	res := p.do("POST", adjustments, `{"delta":-3,"reason":"water","record_shortage":true}`).must(t, 200)
	if res.text != `{"sku":"MUG-1","on_hand":2,"reserved":4,"available":0,"short":2,"version":4}` {
		t.Error(res.text)
	}
	p.views.stock.put("MUG-1", stocklevels.Level{SKU: "MUG-1", OnHand: 2, Reserved: 4})
	if res := p.do("GET", "/v1/stock/MUG-1", "").must(t, 200); !strings.Contains(res.text, `"available":0,"short":2`) {
		t.Error(res.text)
	}
}

func TestPayment(t *testing.T) {
	t.Parallel()
	p := setup(t)
	p.do("GET", "/v1/payments/"+ada, "").refused(t, 404, "not_found", "")
	eventType, version, data, err := schemas.Encode(payment.AuthorizationRequested{
		OrderID: ada, Amount: aggregates.Money{Amount: 5, Currency: "EUR"}, Method: "pm_ok", Key: "authorize-1", At: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	p.stores["payments"].log = []eventstore.Recorded{{
		Event:  eventstore.Event{ID: uuid.New(), Type: eventType, SchemaVersion: version, Data: data},
		Stream: eventstore.StreamID(payment.Stream(ada)), Version: 1, Position: 9,
	}}
	res := p.do("GET", "/v1/payments/"+ada, "").must(t, 200)
	want := `{"order_id":"` + ada + `","status":"requested","amount":{"amount":5,"currency":"EUR"},"payment_method":"pm_ok","version":1}`
	if res.text != want || res.header.Get("Ordo-Position") != "payments:9" {
		t.Errorf("answered %s %v", res.text, res.header)
	}
}

func (p *platform) seedViews() {
	mark := projections.Mark{Version: 3, Position: 7, Applied: 3}
	p.views.orders.put(ada, orderview.Order{
		ID: ada, CustomerID: bob, Status: order.StatusRejected, Reason: order.ReasonOutOfStock, PlacedAt: now, Mark: mark,
		Lines:     []order.Line{{SKU: "MUG-1", Quantity: 1, UnitPrice: aggregates.Money{Amount: 5, Currency: "EUR"}}},
		Shortages: []order.Shortage{{SKU: "MUG-1", Requested: 1}},
		History:   []orderview.Entry{{Type: "OrderPlaced", Version: 1, Position: 5, At: now}},
	})
	p.views.products.put("MUG-1", productview.Product{SKU: "MUG-1", Name: "Mug", Status: product.StatusListed, Mark: mark})
	p.views.customers.put(bob, customerview.Customer{ID: bob, Name: "Bob", Status: customer.StatusActive, Mark: mark})
	p.views.stock.put("MUG-1", stocklevels.Level{SKU: stock.SKU("MUG-1"), OnHand: 5, Reserved: 2, Mark: mark})
}

func TestQueries(t *testing.T) {
	t.Parallel()
	p := setup(t)
	p.seedViews()
	for path, want := range map[string]struct{ position, part string }{
		"/v1/orders/" + ada:    {"orders:7", `"reason":"out_of_stock","shortages":[{"sku":"MUG-1","requested":1,"available":0}],"placed_at":"2026-11-23T16:00:00Z"`},
		"/v1/products/MUG-1":   {"catalog:7", `"name":"Mug"`},
		"/v1/customers/" + bob: {"customers:7", `"name":"Bob"`},
		"/v1/stock/MUG-1":      {"inventory:7", `"on_hand":5,"reserved":2,"available":3`},
	} {
		res := p.do("GET", path, "").must(t, 200)
		if res.header.Get("ETag") != `"3"` || res.header.Get("Ordo-Position") != want.position || !strings.Contains(res.text, want.part) {
			t.Errorf("%s: %v %s", path, res.header, res.text)
		}
		for tags, status := range map[string]int{`"3"`: 304, `W/"3"`: 304, `*`: 304, `"1", "3"`: 304, `"1"`: 200, `3`: 200} {
			res := p.do("GET", path, "", "If-None-Match", tags)
			if res.status != status || (status == 304) != (res.text == "") || res.header.Get("ETag") != `"3"` {
				t.Errorf("%s If-None-Match %s: %d %q", path, tags, res.status, res.text)
			}
		}
		p.do("GET", path+"9", "").must(t, map[bool]int{true: 400, false: 404}[strings.Contains(path, "0198c7a2")])
	}
	p.do("GET", "/v1/orders/"+carol, "").refused(t, 404, "not_found", "")
	p.views.orders.err = errStop
	p.do("GET", "/v1/orders/"+ada, "").refused(t, 500, "internal", "")
}

func TestReadYourWrites(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := setup(t)
		p.seedViews()
		p.do("GET", "/v1/orders/"+ada+"?after=orders:9,catalog:3&after=orders:7", "").must(t, 200)
		if got := fmt.Sprint(p.waitedFor); got != "[map[catalog:3 orders:9]]" {
			t.Errorf("waited for %s", got)
		}

		// A product is taken from a cache only if that was not asked for.
		p.do("GET", "/v1/products/MUG-1", "").must(t, 200)
		if p.views.products.fresh != 0 {
			t.Error("a cache is passed by without need")
		}
		p.do("GET", "/v1/products/MUG-1?after=catalog:3", "").must(t, 200)
		if p.views.products.fresh != 1 {
			t.Error("may be from before what was waited for")
		}

		// Lists say how far the model is that they were read from.
		for path, want := range map[string]string{"/v1/orders": "orders:77", "/v1/products": "catalog:77"} {
			if res := p.do("GET", path+"?after=orders:9", "").must(t, 200); res.header.Get("Ordo-Position") != want || res.header.Get("Ordo-Stale") != "" {
				t.Errorf("%s: %v", path, res.header)
			}
		}
		// What could not be applied is not passed off as read.
		for parked, stale := range map[string]string{"orderview/" + ada: "/v1/orders/" + ada, "orderview/": "/v1/orders", "stocklevels/MUG-1": "/v1/stock/MUG-1"} {
			p.parked = parked
			for _, path := range []string{"/v1/orders/" + ada, "/v1/orders", "/v1/stock/MUG-1"} {
				res := p.do("GET", path+"?after=orders:9", "").must(t, 200)
				if got := res.header.Get("Ordo-Stale") == "true"; got != (path == stale) {
					t.Errorf("%s parked, %s stale: %v", parked, path, got)
				}
			}
		}
		p.parked = ""

		p.wait = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		for prefer, want := range map[string]time.Duration{
			"": 2 * time.Second, "wait=5": 5 * time.Second, "respond-async, wait=1": time.Second, "wait=60": 10 * time.Second,
			"wait=-1": 2 * time.Second, "wait=x": 2 * time.Second,
		} {
			for _, path := range []string{"/v1/orders/" + ada, "/v1/orders", "/v1/products", "/v1/products/MUG-1", "/v1/customers/" + bob, "/v1/stock/MUG-1"} {
				started := time.Now()
				res := p.do("GET", path+"?after=orders:99", "", "Prefer", prefer).must(t, 200)
				if took := time.Since(started); took != want || res.header.Get("Ordo-Stale") != "true" {
					t.Errorf("%s %q: answered after %s, %v", path, prefer, took, res.header)
				}
			}
		}
		// What is not there is not there yet.
		if res := p.do("GET", "/v1/orders/"+carol+"?after=orders:99", "").must(t, 404); res.header.Get("Ordo-Stale") != "true" {
			t.Error("not marked as stale")
		}
		p.wait = func(context.Context) error { return errStop }
		p.do("GET", "/v1/orders/"+ada+"?after=orders:99", "").refused(t, 500, "internal", "")
	})
	p := setup(t)
	for _, after := range []string{"", "7", "orders", "orders:", "orders:-1", "orders:+1", "orders:1.0", "nope:1", "orders:1,", "orders:9223372036854775808", "orders:%20"} {
		p.do("GET", "/v1/orders?after="+after, "").refused(t, 400, "invalid_parameter", "after")
	}
	if len(p.waitedFor) != 0 {
		t.Error("waited all the same")
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	p := setup(t)
	for i := range 5 {
		id := order.ID(fmt.Sprintf("0198c7a2-0000-7000-8000-%012d", i))
		p.views.orders.put(id, orderview.Order{ID: id, CustomerID: ada, Status: order.StatusPlaced, PlacedAt: now.Add(time.Duration(i) * time.Second)})
		sku := product.SKU(fmt.Sprintf("SKU-%d", i))
		p.views.products.put(sku, productview.Product{SKU: sku})
	}
	for list, filter := range map[string]string{"/v1/orders": "status=placed&customer_id=" + ada + "&", "/v1/products": ""} {
		var seen []string
		for next := list + "?" + filter + "limit=2"; next != ""; {
			res := p.do("GET", next, "").must(t, 200)
			for _, item := range res.body[strings.TrimPrefix(list, "/v1/")].([]any) {
				seen = append(seen, fmt.Sprint(item.(map[string]any)["id"], item.(map[string]any)["sku"]))
			}
			link, cursor := res.header.Get("Link"), res.body["next_cursor"]
			if (link == "") != (cursor == nil) {
				t.Errorf("%s: Link %q, next_cursor %v", list, link, cursor)
			}
			next, _, _ = strings.Cut(strings.TrimPrefix(link, "<"), `>; rel="next"`)
		}
		if len(seen) != 5 {
			t.Errorf("%s: saw %v", list, seen)
		}
	}
	if res := p.do("GET", "/v1/orders?status=confirmed", "").must(t, 200); res.text != `{"orders":[]}` {
		t.Errorf("empty page: %s", res.text)
	}
}

func TestBadPages(t *testing.T) {
	t.Parallel()
	p := setup(t)
	for i := range 3 {
		id := order.ID(fmt.Sprintf("0198c7a2-0000-7000-8000-%012d", i))
		p.views.orders.put(id, orderview.Order{ID: id, Status: order.StatusPlaced, PlacedAt: now.Add(time.Duration(i) * time.Second)})
		p.views.products.put(product.SKU(fmt.Sprint(i)), productview.Product{SKU: product.SKU(fmt.Sprint(i))})
	}
	cursor := p.do("GET", "/v1/orders?status=placed&limit=1", "").must(t, 200).body["next_cursor"].(string)
	foreign := p.do("GET", "/v1/products?limit=1", "").must(t, 200).body["next_cursor"].(string)
	forged := "A" + cursor[1:]
	if cursor[0] == 'A' {
		forged = "B" + cursor[1:]
	}
	for _, query := range []string{
		"limit=0", "limit=-1", "limit=201", "limit=", "limit=x", "limit=1e1", "limit=99999999999999999999",
	} {
		p.do("GET", "/v1/orders?"+query, "").refused(t, 400, "invalid_cursor", "limit")
	}
	for _, query := range []string{
		"status=placed&cursor=" + forged, "status=placed&cursor=" + cursor + "AAAA", "status=placed&cursor=" + cursor[:10], "status=placed&cursor=***",
		"cursor=" + cursor, "status=confirmed&cursor=" + cursor, "cursor=" + foreign, "cursor=" + strings.Repeat("A", 5000),
	} {
		p.do("GET", "/v1/orders?"+query, "").refused(t, 400, "invalid_cursor", "cursor")
	}
	p.do("GET", "/v1/products?cursor="+cursor, "").refused(t, 400, "invalid_cursor", "cursor")
	p.do("GET", "/v1/orders?status=placed&cursor="+cursor, "").must(t, 200)
	p.do("GET", "/v1/orders?status=nope", "").refused(t, 400, "invalid_parameter", "status")
	p.do("GET", "/v1/orders?customer_id=nope", "").refused(t, 400, "invalid_parameter", "customer_id")
	p.do("GET", "/v1/orders?limit=1&limit=2", "").refused(t, 400, "invalid_parameter", "limit")

	p.config.CursorKey = []byte(strings.Repeat("x", httpapi.MinCursorKeyLength))
	p.build()
	p.do("GET", "/v1/orders?status=placed&cursor="+cursor, "").refused(t, 400, "invalid_cursor", "cursor")
}

// Whatever is in a query, it is a page or the client's mistake.
func FuzzQuery(f *testing.F) {
	p := setup(f)
	f.Add("cursor", "AAAA", "orders:1")
	f.Add("limit", "0", "orders:1,catalog:2")
	f.Add("status", "placed", ":")
	p.wait = func(context.Context) error { return nil }
	f.Fuzz(func(t *testing.T, name, value, after string) {
		p.t = t
		query := url.Values{name: {value}, "after": {after}}
		for _, list := range []string{"/v1/orders", "/v1/products"} {
			if res := p.do("GET", list+"?"+query.Encode(), ""); res.status != 200 && res.status != 400 {
				t.Errorf("%s?%s: %d %s", list, query.Encode(), res.status, res.text)
			}
		}
	})
}

func TestBadAddresses(t *testing.T) {
	t.Parallel()
	p := setup(t)
	long := strings.Repeat("x", 65)
	for _, tc := range []struct {
		method, target string
		status         int
		code, field    string
	}{
		{"GET", "/v1/orders/nope", 400, "invalid_id", "id"},
		{"GET", "/v1/orders/{" + ada + "}", 400, "invalid_id", "id"},
		{"GET", "/v1/orders/" + ada + "%00", 400, "invalid_id", "id"},
		{"GET", "/v1/orders/" + ada + "%2Fevents", 400, "invalid_id", "id"},
		{"GET", "/v1/orders/nope/events", 400, "invalid_id", "id"},
		{"GET", "/v1/orders/" + ada + "/events/1", 404, "not_found", ""},
		{"GET", "/v1/orders/" + ada + "/", 404, "not_found", ""},
		{"GET", "/v1/orders/", 404, "not_found", ""},
		{"GET", "/v1/orders/../customers/" + ada, 404, "not_found", ""},
		{"GET", "/v1/orders/%2e%2e/customers/" + ada, 404, "not_found", ""},
		{"GET", "/v1/orders/..%2f..%2fetc%2fpasswd", 404, "not_found", ""},
		{"GET", "//v1/orders", 404, "not_found", ""},
		{"GET", "/v1//orders", 404, "not_found", ""},
		{"GET", "/V1/orders", 404, "not_found", ""},
		{"GET", "/", 404, "not_found", ""},
		{"GET", "/nope", 404, "not_found", ""},
		{"TRACE", "/nope", 404, "not_found", ""},
		{"GET", "/v1/payments/nope", 400, "invalid_id", "order_id"},
		{"GET", "/v1/products/-MUG", 400, "invalid_id", "sku"},
		{"GET", "/v1/products/" + long, 400, "invalid_id", "sku"},
		{"GET", "/v1/products/M%C3%BCG", 400, "invalid_id", "sku"},
		{"GET", "/v1/products/a%2Fb", 400, "invalid_id", "sku"},
		{"GET", "/v1/stock/a%20b", 400, "invalid_id", "sku"},
		{"DELETE", "/v1/products/a%20b", 400, "invalid_id", "sku"},
		{"GET", "/v1/customers/nope", 400, "invalid_id", "id"},
		{"POST", "/v1/customers/nope/block", 400, "invalid_id", "id"},
		{"GET", "/problems/nope", 404, "not_found", ""},
	} {
		t.Run(tc.method+" "+tc.target, func(t *testing.T) {
			p.do(tc.method, tc.target, "").refused(t, tc.status, tc.code, tc.field)
		})
	}
	p.do("PUT", "/v1/products/a%20b", `{"name":"x","price":{"amount":1,"currency":"EUR"}}`).refused(t, 400, "invalid_id", "sku")
	p.do("POST", "/v1/stock/a%20b/receipts", `{"quantity":1,"reference":"x"}`).refused(t, 400, "invalid_id", "sku")
	if n := p.appended(); n != 0 {
		t.Errorf("%d events were stored", n)
	}
}

func TestMethods(t *testing.T) {
	t.Parallel()
	p := setup(t)
	p.seedViews()
	for _, tc := range []struct{ method, path, allow string }{
		{"TRACE", "/v1/orders", "GET, HEAD, POST"},
		{"BREW", "/v1/orders", "GET, HEAD, POST"},
		{"OPTIONS", "/v1/orders", "GET, HEAD, POST"},
		{"DELETE", "/v1/orders/" + ada, "GET, HEAD"},
		{"POST", "/v1/products/MUG-1", "DELETE, GET, HEAD, PUT"},
		{"GET", "/v1/stock/MUG-1/receipts", "POST"},
		{"POST", "/readyz", "GET, HEAD"},
	} {
		res := p.do(tc.method, tc.path, "")
		res.refused(t, 405, "method_not_allowed", "")
		if got := res.header.Get("Allow"); got != tc.allow {
			t.Errorf("%s %s: Allow %q, want %q", tc.method, tc.path, got, tc.allow)
		}
	}
	p.do("HEAD", "/v1/orders/"+ada, "").must(t, 200)
}

// A process has only the routes of the services it runs.
func TestOneServiceAlone(t *testing.T) {
	t.Parallel()
	p := setup(t)
	p.config = httpapi.Config{Catalog: p.config.Catalog, Logger: p.config.Logger}
	p.build()
	p.do("PUT", "/v1/products/MUG-1", `{"name":"Mug","price":{"amount":1,"currency":"EUR"}}`).must(t, 201)
	p.do("GET", "/v1/products/MUG-1", "").refused(t, 405, "method_not_allowed", "")
	p.do("POST", "/v1/orders", orderBody(mugs), "Idempotency-Key", "k").refused(t, 404, "not_found", "")
	p.do("GET", "/readyz", "").must(t, 200)
	p.do("GET", "/docs", "").must(t, 200)
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	good := setup(t).config
	for name, break_ := range map[string]func(c *httpapi.Config){
		"short cursor key":   func(c *httpapi.Config) { c.CursorKey = c.CursorKey[1:] },
		"no payment methods": func(c *httpapi.Config) { c.PaymentMethods = nil },
		"no receipts": func(c *httpapi.Config) {
			c.Catalog = &httpapi.Service{Commands: c.Catalog.Commands, Log: c.Catalog.Log}
		},
		"no copies":      func(c *httpapi.Config) { c.Orders = &httpapi.Orders{Service: c.Orders.Service} },
		"no log":         func(c *httpapi.Config) { c.Payments = &httpapi.Payments{} },
		"no read models": func(c *httpapi.Config) { c.Views = &httpapi.Views{} },
	} {
		c := good
		break_(&c)
		if _, err := httpapi.New(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := setup(t)
		broken := errors.New("relay: 12 s behind")
		p.config.Health = []httpapi.Check{
			{Name: "orders/postgres", Check: func(context.Context) error { return nil }},
			{Name: "orders/relay", Check: func(context.Context) error { return broken }},
			{Name: "hangs", Check: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }},
		}
		p.build()
		p.do("GET", "/livez", "").must(t, 200)
		red := p.do("GET", "/readyz", "").must(t, 503)
		if red.header.Get("Content-Type") != "application/health+json" || red.body["status"] != "fail" ||
			red.body["output"] != "orders/relay: relay: 12 s behind; hangs: context deadline exceeded" {
			t.Errorf("red: %s", red.text)
		}
		if checks := red.body["checks"].(map[string]any); len(checks) != 2 || checks["orders/postgres"] != nil {
			t.Errorf("red lists %v", checks)
		}
		if all := p.do("GET", "/readyz?verbose", "").must(t, 503).body["checks"].(map[string]any); len(all) != 3 {
			t.Errorf("verbose lists %v", all)
		}
		late := httpapi.Check{Name: "payments/provider", Check: func(context.Context) error { return errors.New("paused") }, Warns: true}
		p.config.Health = append(p.config.Health, late)
		p.build()
		if red := p.do("GET", "/readyz", "").must(t, 503); red.body["status"] != "fail" {
			t.Errorf("red and yellow: %s", red.text)
		}
		p.config.Health = []httpapi.Check{p.config.Health[0], late, p.config.Health[0]}
		p.build()
		yellow := p.do("GET", "/readyz", "").must(t, 200)
		if yellow.body["status"] != "warn" || yellow.body["output"] != "payments/provider: paused" || len(yellow.body["checks"].(map[string]any)) != 1 {
			t.Errorf("yellow: %s", yellow.text)
		}
		p.config.Health = p.config.Health[:1]
		p.build()
		if green := p.do("GET", "/readyz", "").must(t, 200); green.text != `{"status":"pass"}` {
			t.Errorf("green: %s", green.text)
		}
		if strings.Contains(p.log.String(), "readyz") {
			t.Error("health requests are logged")
		}
	})
}

func TestPanicIsAProblem(t *testing.T) {
	t.Parallel()
	p := setup(t)
	p.stores["orders"].beforeAppend = func(eventstore.Append) error { panic("secret") }
	res := p.do("POST", "/v1/orders", orderBody(mugs), "Idempotency-Key", "k")
	res.refused(t, 500, "internal", "")
	if strings.Contains(res.text, "secret") || strings.Contains(res.text, "goroutine") {
		t.Errorf("the problem tells too much: %s", res.text)
	}
	if log := p.log.String(); !strings.Contains(log, "secret") || !strings.Contains(log, "TestPanicIsAProblem") || !strings.Contains(log, `"status":500`) {
		t.Errorf("the log tells too little: %s", log)
	}
	p.stores["orders"].beforeAppend = nil
	p.do("POST", "/v1/orders", orderBody(mugs), "Idempotency-Key", "k").must(t, 201) // the key is free again
}

// TestBusyStore: every command says when to come back, and nothing was stored. Which commands there are is what the
// description of the API says.
func TestBusyStore(t *testing.T) {
	t.Parallel()
	p := setup(t)
	const mug = `{"name":"Mug","price":{"amount":1990,"currency":"EUR"}}`
	p.do("PUT", "/v1/products/MUG-1", mug).must(t, 201)
	p.do("POST", "/v1/stock/MUG-1/receipts", `{"quantity":5,"reference":"d-1"}`).must(t, 200)
	active := p.do("POST", "/v1/customers", `{"name":"Ada","email":"ada@example.com"}`, "Idempotency-Key", "a").must(t, 201).body["id"].(string)
	blocked := p.do("POST", "/v1/customers", `{"name":"Bob","email":"bob@example.com"}`, "Idempotency-Key", "b").must(t, 201).body["id"].(string)
	p.do("POST", "/v1/customers/"+blocked+"/block", "").must(t, 200)
	p.confirmed(confirmedOrder)
	p.stuck()
	before := p.appended()

	commands := map[string]func() response{
		"post /v1/orders/{id}/cancel":      func() response { return p.do("POST", "/v1/orders/"+confirmedOrder+"/cancel", `{"reason":"x"}`) },
		"post /v1/orders/{id}/retry":       func() response { return p.do("POST", "/v1/orders/"+stuckOrder+"/retry", `{"reason":"x"}`) },
		"post /v1/orders/{id}/ship":        func() response { return p.do("POST", "/v1/orders/"+confirmedOrder+"/ship", parcel) },
		"put /v1/products/{sku}":           func() response { return p.do("PUT", "/v1/products/CUP-1", mug) },
		"delete /v1/products/{sku}":        func() response { return p.do("DELETE", "/v1/products/MUG-1", "") },
		"post /v1/customers":               func() response { return p.do("POST", "/v1/customers", `{"name":"Cy","email":"cy@example.com"}`) },
		"post /v1/customers/{id}/block":    func() response { return p.do("POST", "/v1/customers/"+active+"/block", "") },
		"post /v1/customers/{id}/unblock":  func() response { return p.do("POST", "/v1/customers/"+blocked+"/unblock", "") },
		"post /v1/stock/{sku}/receipts":    func() response { return p.do("POST", "/v1/stock/MUG-1/receipts", `{"quantity":5,"reference":"d-2"}`) },
		"post /v1/stock/{sku}/adjustments": func() response { return p.do("POST", "/v1/stock/MUG-1/adjustments", `{"delta":-1,"reason":"x"}`) },
		"post /v1/orders":                  func() response { return p.do("POST", "/v1/orders", orderBody(mugs), "Idempotency-Key", "k") },
	}
	for _, s := range p.stores {
		s.beforeAppend = func(eventstore.Append) error { return fmt.Errorf("append order-1: %w", eventstore.ErrBusy) }
	}
	for path, item := range p.do("GET", "/openapi.json", "").must(t, 200).body["paths"].(map[string]any) {
		for method := range item.(map[string]any) {
			if method == "get" {
				continue
			}
			execute, known := commands[method+" "+path]
			if !known {
				t.Errorf("no test of %s %s", method, path)
				continue
			}
			res := execute()
			if res.status != 503 || res.code() != "busy" || res.header.Get("Retry-After") != "1" {
				t.Errorf("%s %s: %d, Retry-After %q: %s", method, path, res.status, res.header.Get("Retry-After"), res.text)
			}
		}
	}
	if n := p.appended(); n != before {
		t.Errorf("%d events stored", n-before)
	}
}

func TestAccessLogAndMetrics(t *testing.T) {
	t.Parallel()
	p := setup(t)
	res := p.do("POST", "/v1/customers", `{"name":"Canary Person","email":"canary@example.com"}`).must(t, 201)
	p.do("GET", "/v1/nope%0Alevel=ERROR", "")
	p.do("BREW", "/v1/orders", "")
	log := p.log.String()
	if strings.Contains(log, "anary") {
		t.Errorf("the log has what people sent: %s", log)
	}
	if strings.Count(log, "\n") != 3 || !strings.Contains(log, res.header.Get("Ordo-Trace-Id")) || !strings.Contains(log, `"route":"/v1/customers","status":201`) ||
		strings.Count(log, `"level":"DEBUG"`) != 1 || strings.Count(log, `"level":"INFO"`) != 2 {
		t.Errorf("the log is %s", log)
	}
	metrics := p.do("GET", "/metrics", "").must(t, 200).text
	for _, line := range []string{
		`ordo_build_info{version="v0.0.0-test"} 1`,
		`ordo_http_requests_total{method="POST",route="/v1/customers",status="201"} 1`,
		`ordo_http_requests_total{method="other",route="unmatched",status="404"} 1`,
		`ordo_http_requests_total{method="other",route="unmatched",status="405"} 1`,
	} {
		if !strings.Contains(metrics, line+"\n") {
			t.Errorf("no line %s in %s", line, metrics)
		}
	}
}
