package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/customer"
	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/aggregates/product"
	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/command"
	"github.com/ordo-platform/ordo/internal/httpapi"
	"github.com/ordo-platform/ordo/internal/process"
	"github.com/ordo-platform/ordo/projections/customerview"
	"github.com/ordo-platform/ordo/projections/productview"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Rows that the local copies begin with.
const (
	ada   = "0198c7a2-0000-7000-8000-00000000ada0"
	bob   = "0198c7a2-0000-7000-8000-000000000b0b" // blocked
	carol = "0198c7a2-0000-7000-8000-0000000ca401" // unknown
)

// platform is an API of all services on fakes.
type platform struct {
	t         testing.TB
	handler   http.Handler
	config    httpapi.Config
	stores    map[string]*memStore // by service
	copies    *memProducts
	known     *memCustomers
	views     views
	log       *lockedBuffer
	waitedFor []map[string]eventstore.Position
	wait      func(context.Context) error
	catchUp   func(context.Context) error
	parked    string // model/key with dead letters
}

type views struct {
	orders    *memOrders
	products  *memProducts
	customers *memCustomers
	stock     *memStock
	bought    *memCustomerOrders
	sales     *memSales
}

func setup(t testing.TB) *platform {
	t.Helper()
	p := &platform{
		t: t, stores: map[string]*memStore{}, copies: &memProducts{}, known: &memCustomers{}, log: &lockedBuffer{},
		views: views{orders: &memOrders{}, products: &memProducts{}, customers: &memCustomers{}, stock: &memStock{}, bought: &memCustomerOrders{}, sales: &memSales{}},
		wait:  func(context.Context) error { return nil },

		catchUp: func(context.Context) error { return nil },
	}
	service := func(name string) httpapi.Service {
		s := &memStore{}
		p.stores[name] = s
		return httpapi.Service{Commands: command.New(s, nil), Log: s, Receipts: s}
	}
	inventory, catalog, customers := service("inventory"), service("catalog"), service("customers")
	p.stores["payments"] = &memStore{}
	p.config = httpapi.Config{
		Orders:    &httpapi.Orders{Service: service("orders"), Products: p.copies, Customers: p.known, CatchUp: func(ctx context.Context) error { return p.catchUp(ctx) }},
		Inventory: &inventory, Catalog: &catalog, Customers: &customers,
		Payments: &httpapi.Payments{Log: p.stores["payments"]},
		Views: &httpapi.Views{
			Orders: p.views.orders, Products: p.views.products, Customers: p.views.customers, Stock: p.views.stock,
			CustomerOrders: p.views.bought, Sales: p.views.sales,
			Wait: func(ctx context.Context, _ string, positions map[string]eventstore.Position) error {
				p.waitedFor = append(p.waitedFor, positions)
				return p.wait(ctx)
			},
			Position: func(context.Context, string) (eventstore.Position, error) { return 77, nil },
			Parked: func(_ context.Context, model, key string) (bool, error) {
				return p.parked == model+"/"+key, nil
			},
		},
		Process: &httpapi.Process{
			Orders: p.stores["orders"], Inventory: p.stores["inventory"], Payments: p.stores["payments"],
			Pending: func(_ context.Context, _ order.ID, waits order.Wait) (call, deadline *process.Pending, err error) {
				if waits == (order.Wait{}) {
					return nil, nil, nil
				}
				return nil, &process.Pending{Due: now.Add(time.Minute)}, nil
			},
		},
		PaymentMethods: []string{"pm_ok", "pm_declined"},
		CursorKey:      bytes.Repeat([]byte{7}, httpapi.MinCursorKeyLength),
		Logger:         slog.New(slog.NewJSONHandler(p.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Clock:          func() time.Time { return now },
		Version:        "v0.0.0-test",
	}
	p.build()

	eur := func(amount int64) aggregates.Money { return aggregates.Money{Amount: amount, Currency: "EUR"} }
	for _, row := range []productview.Product{
		{SKU: "MUG-1", Name: "Mug", Price: eur(1990), Status: product.StatusListed},
		{SKU: "CUP-1", Name: "Cup", Price: eur(990), Status: product.StatusListed},
		{SKU: "OLD-1", Name: "Old", Price: eur(990), Status: product.StatusDiscontinued},
		{SKU: "USD-1", Name: "Import", Price: aggregates.Money{Amount: 5, Currency: "USD"}, Status: product.StatusListed},
		{SKU: "GOLD-1", Name: "Gold", Price: eur(1 << 61), Status: product.StatusListed},
	} {
		p.copies.put(row.SKU, row)
	}
	p.known.put(ada, customerview.Customer{ID: ada, Status: customer.StatusActive})
	p.known.put(bob, customerview.Customer{ID: bob, Status: customer.StatusBlocked})
	return p
}

// build makes the handler of the present config.
func (p *platform) build() {
	p.t.Helper()
	h, err := httpapi.New(p.config)
	if err != nil {
		p.t.Fatal(err)
	}
	p.handler = h
}

// appended is how many events all services have stored.
func (p *platform) appended() int {
	n := 0
	for _, s := range p.stores {
		n += s.len()
	}
	return n
}

// response is an answer, decoded if it is JSON.
type response struct {
	status int
	header http.Header
	text   string
	body   map[string]any
}

func (r response) code() string { s, _ := r.body["code"].(string); return s }

func (r response) field() string { s, _ := r.body["field"].(string); return s }

// do sends a request. headers are pairs; a body without Content-Type among them is sent as JSON.
func (p *platform) do(method, target, body string, headers ...string) response {
	p.t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r := httptest.NewRequestWithContext(p.t.Context(), method, target, reader)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	if _, given := r.Header["Content-Type"]; !given && body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return p.send(r)
}

func (p *platform) send(r *http.Request) response {
	p.t.Helper()
	w := httptest.NewRecorder()
	p.handler.ServeHTTP(w, r)
	res := response{status: w.Code, header: w.Header(), text: w.Body.String()}
	if strings.Contains(res.header.Get("Content-Type"), "json") {
		if err := json.Unmarshal(w.Body.Bytes(), &res.body); err != nil {
			p.t.Fatalf("%s %s answers with %q: %v", r.Method, r.URL, res.text, err)
		}
	}
	return res
}

// must fails the test unless the status is as wanted.
func (r response) must(t *testing.T, status int) response {
	t.Helper()
	if r.status != status {
		t.Fatalf("status %d, want %d: %s", r.status, status, r.text)
	}
	return r
}

// refused fails the test unless the response is a complete problem of this kind.
func (r response) refused(t *testing.T, status int, code, field string) {
	t.Helper()
	if r.status != status || r.code() != code || r.field() != field {
		t.Errorf("answered %d %s field %q, want %d %s field %q: %s", r.status, r.code(), r.field(), status, code, field, r.text)
		return
	}
	if got := r.header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("Content-Type %q", got)
	}
	for name, want := range map[string]any{"type": "/problems/" + code, "status": float64(status), "trace_id": r.header.Get("Ordo-Trace-Id")} {
		if r.body[name] != want {
			t.Errorf("%s is %v, want %v", name, r.body[name], want)
		}
	}
	for _, name := range []string{"title", "detail", "instance", "trace_id"} {
		if s, _ := r.body[name].(string); s == "" {
			t.Errorf("the problem has no %s: %s", name, r.text)
		}
	}
}

func orderBody(lines string) string {
	return `{"customer_id":"` + ada + `","lines":[` + lines + `],"payment_method":"pm_ok"}`
}

const mugs = `{"sku":"MUG-1","quantity":2}`
