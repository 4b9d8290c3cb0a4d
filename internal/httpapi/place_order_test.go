package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/customer"
	"github.com/ordo-platform/ordo/aggregates/product"
	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/projections/customerview"
	"github.com/ordo-platform/ordo/projections/productview"
)

func TestPlaceOrder(t *testing.T) {
	t.Parallel()
	p := setup(t)
	const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

	res := p.do("POST", "/v1/orders", orderBody(mugs+`,{"sku":"CUP-1","quantity":1}`),
		"Idempotency-Key", "k-1", "traceparent", traceparent, "tracestate", "vendor=1").must(t, 201)

	id, _ := res.body["id"].(string)
	want := `{"id":"` + id + `","status":"placed","version":1,"customer_id":"` + ada + `",` +
		`"lines":[{"sku":"MUG-1","quantity":2,"unit_price":{"amount":1990,"currency":"EUR"}},` +
		`{"sku":"CUP-1","quantity":1,"unit_price":{"amount":990,"currency":"EUR"}}],` +
		`"total":{"amount":4970,"currency":"EUR"},"payment_method":"pm_ok","placed_at":"2026-11-23T16:00:00Z","updated_at":"2026-11-23T16:00:00Z"}`
	if res.text != want {
		t.Errorf("answered %s\nwant     %s", res.text, want)
	}
	for name, want := range map[string]string{
		"Location": "/v1/orders/" + id, "ETag": `"1"`, "Ordo-Position": "orders:1", "Content-Type": "application/json",
		"Ordo-Trace-Id": "0af7651916cd43dd8448eb211c80319c", "Idempotent-Replayed": "",
	} {
		if got := res.header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if n := p.stores["orders"].reads; n != 0 {
		t.Errorf("a new order was looked for %d times", n)
	}
	stored := p.stores["orders"].log[0]
	meta := eventstore.Metadata{CorrelationID: "0af7651916cd43dd8448eb211c80319c", Actor: "anonymous", TraceParent: traceparent, TraceState: "vendor=1"}
	if stored.Metadata != meta || stored.Type != "OrderPlaced" || string(stored.Stream) != "order-"+id {
		t.Errorf("stored %+v", stored)
	}

	history := p.do("GET", "/v1/orders/"+strings.ToUpper(id)+"/events", "").must(t, 200)
	if got := history.header.Get("ETag") + history.header.Get("Ordo-Position"); got != `"1"orders:1` {
		t.Errorf("history is of %s", got)
	}
	event := history.body["events"].([]any)[0].(map[string]any)
	fields := []string{"actor", "at", "correlation_id", "data", "id", "position", "schema_version", "type", "version"}
	if got := slices.Sorted(maps.Keys(event)); !slices.Equal(got, fields) || event["data"].(map[string]any)["order_id"] != id {
		t.Errorf("history shows %v", event)
	}
}

func TestPlaceOrderReplays(t *testing.T) {
	t.Parallel()
	p := setup(t)
	first := p.do("POST", "/v1/orders", orderBody(mugs), "Idempotency-Key", `a "key"\`).must(t, 201)

	// What the order was placed with may change afterwards: the answer does not.
	p.copies.put("MUG-1", productview.Product{SKU: "MUG-1", Status: product.StatusDiscontinued})
	for name, tc := range map[string]struct{ key, body string }{
		"same":          {`a "key"\`, orderBody(mugs)},
		"quoted":        {`"a \"key\"\\"`, orderBody(mugs)},
		"other spacing": {`a "key"\`, strings.ReplaceAll(orderBody(mugs), ":", " :\n")},
		"other order":   {`a "key"\`, `{"payment_method":"pm_ok","lines":[{"quantity":2,"sku":"MUG-1"}],"customer_id":"` + ada + `"}`},
		"other escapes": {`a "key"\`, strings.ReplaceAll(orderBody(mugs), "pm_ok", `pm\u005fok`)},
	} {
		again := p.do("POST", "/v1/orders", tc.body, "Idempotency-Key", tc.key)
		if again.status != 201 || again.text != first.text || again.header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("%s: answered %d %s (replayed: %q)", name, again.status, again.text, again.header.Get("Idempotent-Replayed"))
		}
		for _, h := range []string{"Location", "ETag", "Ordo-Position", "Content-Type"} {
			if got, want := again.header.Get(h), first.header.Get(h); got != want {
				t.Errorf("%s: %s is %q, was %q", name, h, got, want)
			}
		}
	}
	if n := p.appended(); n != 1 {
		t.Errorf("%d events are stored", n)
	}
}

func TestKeyReusedWithAnotherRequest(t *testing.T) {
	t.Parallel()
	p := setup(t)
	p.do("POST", "/v1/stock/MUG-1/adjustments", `{"delta":5,"reason":"found"}`, "Idempotency-Key", "k").must(t, 200)
	p.do("POST", "/v1/orders", orderBody(mugs), "Idempotency-Key", "k").must(t, 201) // another service: another log

	for _, tc := range []struct{ path, body string }{
		{"/v1/orders", orderBody(`{"sku":"MUG-1","quantity":3}`)},
		{"/v1/orders", orderBody(`{"sku":"NOPE","quantity":-1}`)}, // that it is wrong as well does not matter
		{"/v1/stock/CUP-1/adjustments", `{"delta":5,"reason":"found"}`},
		{"/v1/stock/MUG-1/receipts", `{"quantity":5,"reference":"r"}`},
		{"/v1/stock/MUG-1/adjustments", `{"delta":9007199254740993,"reason":"found"}`},
	} {
		p.do("POST", tc.path, tc.body, "Idempotency-Key", "k").refused(t, 422, "idempotency_key_reused", "Idempotency-Key")
	}
	if n := p.appended(); n != 2 {
		t.Errorf("%d events are stored", n)
	}
}

// Numbers that are the same as floats are different requests.
func TestFingerprintKeepsLargeNumbersApart(t *testing.T) {
	t.Parallel()
	p := setup(t)
	const body = `{"name":"Mug","price":{"amount":%d,"currency":"EUR"},"x":%d}`
	p.stores["catalog"].receipts = map[string]eventstore.Receipt{}
	ok := strings.Replace(fmt.Sprintf(body, 1, 1), `,"x":1`, "", 1)
	p.do("PUT", "/v1/products/MUG-1", ok, "Idempotency-Key", "k").must(t, 201)
	p.do("PUT", "/v1/products/MUG-1", fmt.Sprintf(body, 1, 9007199254740993), "Idempotency-Key", "k").refused(t, 422, "idempotency_key_reused", "Idempotency-Key")
}

func TestRefusalUsesUpNoKey(t *testing.T) {
	t.Parallel()
	p := setup(t)
	p.do("POST", "/v1/orders", orderBody(`{"sku":"OLD-1","quantity":1}`), "Idempotency-Key", "k").refused(t, 422, "unknown_sku", "lines[0].sku")
	p.do("POST", "/v1/orders", orderBody(mugs), "Idempotency-Key", "k").must(t, 201)
}

func TestSameKeyAtTheSameTime(t *testing.T) {
	t.Parallel()
	p := setup(t)
	appending, proceed := make(chan struct{}), make(chan struct{})
	var once sync.Once
	p.stores["orders"].beforeAppend = func(eventstore.Append) error {
		once.Do(func() { close(appending) })
		<-proceed
		return nil
	}
	var first response
	var done sync.WaitGroup
	done.Go(func() { first = p.do("POST", "/v1/orders", orderBody(mugs), "Idempotency-Key", "k") })
	<-appending
	second := p.do("POST", "/v1/orders", orderBody(mugs), "Idempotency-Key", "k")
	close(proceed)
	done.Wait()

	second.refused(t, 409, "idempotency_in_progress", "Idempotency-Key")
	if second.header.Get("Retry-After") != "1" {
		t.Error("no Retry-After")
	}
	first.must(t, 201)
	if third := p.do("POST", "/v1/orders", orderBody(mugs), "Idempotency-Key", "k"); third.text != first.text {
		t.Errorf("afterwards: %s", third.text)
	}
}

// What a request was answered stands, though the same would be refused today.
func TestRepeatedRequestThatWouldBeRefusedNow(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*platform){
		"customer blocked": func(p *platform) {
			p.known.put(ada, customerview.Customer{ID: ada, Status: customer.StatusBlocked})
		},
		"product discontinued": func(p *platform) {
			p.copies.put("MUG-1", productview.Product{SKU: "MUG-1", Status: product.StatusDiscontinued})
		},
		"copies are not up to date": func(p *platform) {
			p.known.rows = nil
			p.catchUp = func(context.Context) error { return errors.New("behind") }
		},
		"log takes nothing": func(p *platform) {
			p.stores["orders"].beforeAppend = func(eventstore.Append) error { return eventstore.ErrBusy }
		},
	} {
		p := setup(t)
		first := p.do("POST", "/v1/orders", orderBody(mugs), "Idempotency-Key", "k").must(t, 201)
		change(p)
		again := p.do("POST", "/v1/orders", orderBody(mugs), "Idempotency-Key", "k")
		if again.text != first.text || again.header.Get("Idempotent-Replayed") != "true" || p.appended() != 1 {
			t.Errorf("%s: answered %s after %s, with %d events", name, again.text, first.text, p.appended())
		}
	}
}

// Two processes work on the same request: what the other one stored shows in different ways.
func TestSameKeyInAnotherProcess(t *testing.T) {
	t.Parallel()
	for _, body := range []string{orderBody(mugs), orderBody(`{"sku":"CUP-1","quantity":1}`)} {
		for name, hideReceipt := range map[string]bool{"key used": false, "conflict": true} {
			p, other := setup(t), setup(t)
			theirs := other.do("POST", "/v1/orders", orderBody(mugs), "Idempotency-Key", "k").must(t, 201)
			store := p.stores["orders"]
			store.beforeAppend = func(eventstore.Append) error {
				store.beforeAppend = nil
				store.log, store.receipts = other.stores["orders"].log, other.stores["orders"].receipts
				if hideReceipt { // as by a store that checks versions first
					return &eventstore.ConflictError{Actual: 1}
				}
				return nil
			}
			ours := p.do("POST", "/v1/orders", body, "Idempotency-Key", "k")
			if body != orderBody(mugs) {
				ours.refused(t, 422, "idempotency_key_reused", "Idempotency-Key")
			} else if ours.text != theirs.text || ours.header.Get("Idempotent-Replayed") != "true" {
				t.Errorf("%s: answered %s, they %s", name, ours.text, theirs.text)
			}
			if n := store.len(); n != 1 {
				t.Errorf("%s: %d events", name, n)
			}
		}
	}
}

// The other process did all there was to do: our answer is theirs all the same, not that of a second request.
func TestSameKeyInAnotherProcessLeavesNothingToDo(t *testing.T) {
	t.Parallel()
	const mug = `{"name":"Mug","price":{"amount":1,"currency":"EUR"}}`
	p, other := setup(t), setup(t)
	theirs := other.do("PUT", "/v1/products/MUG-1", mug, "Idempotency-Key", "k").must(t, 201)
	store := p.stores["catalog"]
	store.beforeAppend = func(eventstore.Append) error {
		store.beforeAppend = nil
		store.log, store.receipts = other.stores["catalog"].log, other.stores["catalog"].receipts
		return &eventstore.ConflictError{Actual: 1}
	}
	if ours := p.do("PUT", "/v1/products/MUG-1", mug, "Idempotency-Key", "k").must(t, 201); ours.text != theirs.text {
		t.Errorf("answered %s, they %s", ours.text, theirs.text)
	}
}

// A receipt that is gone does not make a second order possible: the id comes from the key.
func TestExpiredKeyMakesNoSecondOrder(t *testing.T) {
	t.Parallel()
	p := setup(t)
	p.do("POST", "/v1/orders", orderBody(mugs), "Idempotency-Key", "k").must(t, 201)
	clear(p.stores["orders"].receipts)
	p.do("POST", "/v1/orders", orderBody(mugs), "Idempotency-Key", "k").refused(t, 409, "already_placed", "")
	if n := p.appended(); n != 1 {
		t.Errorf("%d events", n)
	}
}

// The id of an order keeps the time of a key that has one, and is no less of its own for it.
func TestIDKeepsTheTimeOfItsKey(t *testing.T) {
	t.Parallel()
	p := setup(t)
	place := func(key string) uuid.UUID {
		return uuid.MustParse(p.do("POST", "/v1/orders", orderBody(mugs), "Idempotency-Key", key).must(t, 201).body["id"].(string))
	}
	key := uuid.Must(uuid.NewV7())
	sameTime := key
	sameTime[15]++
	random := uuid.New()
	first, second, third := place(key.String()), place(sameTime.String()), place(random.String())
	if !bytes.Equal(first[:6], key[:6]) || !bytes.Equal(second[:6], key[:6]) || bytes.Equal(first[9:], second[9:]) {
		t.Errorf("keys %s and %s made %s and %s", key, sameTime, first, second)
	}
	if bytes.Equal(third[:6], random[:6]) {
		t.Errorf("key %s has no time, and made %s", random, third)
	}
	for _, id := range []uuid.UUID{first, second, third} {
		if id.Version() != 8 || id.Variant() != uuid.RFC4122 {
			t.Errorf("%s is of version %d", id, id.Version())
		}
	}
}

func TestStoreFailures(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		err    error
		status int
		code   string
	}{
		"busy":     {eventstore.ErrBusy, 503, "busy"},
		"closed":   {eventstore.ErrClosed, 503, "unavailable"},
		"unknown":  {fmt.Errorf("append order-1: %w", eventstore.ErrOutcomeUnknown), 503, "outcome_unknown"},
		"contend":  {&eventstore.ConflictError{Stream: "order-1", Actual: 7}, 409, "conflict"},
		"standby":  {fmt.Errorf("append order-1: %w", eventstore.ErrUnavailable), 503, "unavailable"},
		"database": {sqlError("57P01"), 503, "unavailable"},
		"readonly": {sqlError("25006"), 503, "unavailable"},
		"network":  {context.DeadlineExceeded, 503, "unavailable"}, // of some inner limit: the append itself gave up
		"other":    {fmt.Errorf("SELECT secret FROM events: password=hunter2: %w", sqlError("42P01")), 500, "internal"},
	} {
		p := setup(t)
		p.stores["orders"].beforeAppend = func(eventstore.Append) error { return tc.err }
		res := p.do("POST", "/v1/orders", orderBody(mugs), "Idempotency-Key", "k")
		res.refused(t, tc.status, tc.code, "")
		if after := res.header.Get("Retry-After"); (after == "1") != (tc.code != "internal") {
			t.Errorf("%s: Retry-After %q", name, after)
		}
		for _, secret := range []string{"SELECT", "hunter2", "order-1"} {
			if strings.Contains(res.text, secret) {
				t.Errorf("%s: the problem tells %q: %s", name, secret, res.text)
			}
		}
		if tc.status >= 500 && !strings.Contains(p.log.String(), res.body["trace_id"].(string)) {
			t.Errorf("%s: the log does not have the trace id", name)
		}
		p.stores["orders"].beforeAppend = nil
		p.do("POST", "/v1/orders", orderBody(mugs), "Idempotency-Key", "k").must(t, 201)
	}
}

type sqlError string

func (e sqlError) Error() string    { return "ERROR: " + string(e) }
func (e sqlError) SQLState() string { return string(e) }

// The client goes away while the order is being stored. The repeat gets the answer the first one would have got.
func TestClientGoesAway(t *testing.T) {
	t.Parallel()
	p := setup(t)
	ctx, hangUp := context.WithCancel(t.Context())
	p.stores["orders"].afterAppend = func() error { hangUp(); return nil }
	p.send(p.request(ctx, "POST", "/v1/orders", orderBody(mugs), "k")).refused(t, 503, "outcome_unknown", "")
	p.stores["orders"].afterAppend = nil

	again := p.do("POST", "/v1/orders", orderBody(mugs), "Idempotency-Key", "k").must(t, 201)
	if again.header.Get("Idempotent-Replayed") != "true" || p.appended() != 1 {
		t.Errorf("%d events, %v", p.appended(), again.header)
	}
}

// What is not in the local copies yet may get there a moment later.
func TestLocalCopiesCatchUp(t *testing.T) {
	t.Parallel()
	p := setup(t)
	p.catchUp = func(context.Context) error {
		p.known.put(carol, customerview.Customer{ID: carol, Status: customer.StatusActive})
		p.copies.put("NEW-1", productview.Product{SKU: "NEW-1", Status: product.StatusListed, Price: aggregates.Money{Amount: 1, Currency: "EUR"}})
		return nil
	}
	body := strings.ReplaceAll(orderBody(`{"sku":"NEW-1","quantity":1}`), ada, carol)
	p.do("POST", "/v1/orders", body, "Idempotency-Key", "k").must(t, 201)
	if p.known.gets != 2 {
		t.Errorf("%d look-ups", p.known.gets)
	}
}

func TestMissingFromCopiesThatCaughtUp(t *testing.T) {
	t.Parallel()
	p := setup(t)
	for _, tc := range []struct{ body, code, field string }{
		{orderBody(mugs + `,{"sku":"NOPE","quantity":1},{"sku":"OLD-1","quantity":1}`), "unknown_sku", "lines[1].sku"},
		{strings.ReplaceAll(orderBody(mugs), ada, carol), "unknown_customer", "customer_id"},
	} {
		res := p.do("POST", "/v1/orders", tc.body, "Idempotency-Key", "k")
		res.refused(t, 422, tc.code, tc.field)
		if all, _ := res.body["errors"].([]any); tc.code == "unknown_sku" && len(all) != 2 {
			t.Errorf("errors are %v", all)
		}
	}
	if p.appended() != 0 {
		t.Error("something was stored")
	}
}

// Where nobody knows whether a product is there, an order is not refused for it.
func TestUnknownWhetherMissing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := setup(t)
		p.catchUp = func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}
		for patience, want := range map[time.Duration]time.Duration{time.Minute: 3 * time.Second, 50 * time.Millisecond: 50 * time.Millisecond} {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			started := time.Now()
			p.send(p.request(ctx, "POST", "/v1/orders", orderBody(`{"sku":"NOPE","quantity":1}`), "k")).refused(t, 503, "unavailable", "")
			cancel()
			if took := time.Since(started); took != want {
				t.Errorf("gave up after %s", took)
			}
		}
		if p.appended() != 0 {
			t.Error("something was stored")
		}
	})
}

func TestAnswerHasExactlyTheDocumentedFields(t *testing.T) {
	t.Parallel()
	p := setup(t)
	var document struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]any `json:"properties"`
				Required   []string       `json:"required"`
			} `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal([]byte(p.do("GET", "/openapi.json", "").text), &document); err != nil {
		t.Fatal(err)
	}
	for schema, res := range map[string]response{
		"OrderAnswer":    p.do("POST", "/v1/orders", orderBody(mugs), "Idempotency-Key", "k"),
		"ProductAnswer":  p.do("PUT", "/v1/products/MUG-1", `{"name":"Mug","price":{"amount":1,"currency":"EUR"}}`),
		"CustomerAnswer": p.do("POST", "/v1/customers", `{"name":"Ada","email":"ada@example.com"}`),
		"StockAnswer":    p.do("POST", "/v1/stock/MUG-1/receipts", `{"quantity":1,"reference":"r"}`),
	} {
		documented := document.Components.Schemas[schema]
		for name := range res.body {
			if documented.Properties[name] == nil {
				t.Errorf("%s does not have %s", schema, name)
			}
		}
		for _, name := range documented.Required {
			if res.body[name] == nil {
				t.Errorf("the answer does not have %s of %s: %s", name, schema, res.text)
			}
		}
	}
}
