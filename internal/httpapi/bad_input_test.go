package httpapi_test

import (
	"strings"
	"testing"
)

// bad is a request that must be refused, and how.
type bad struct {
	name        string
	body        string
	status      int
	code, field string
}

// target is a command that takes a body.
type target struct {
	method, path string
	good         string // a body that is accepted
	bad          []bad
}

const name10k = 10_000

func targets() []target {
	order := func(name, lines string, status int, code, field string) bad {
		return bad{name, orderBody(lines), status, code, field}
	}
	return []target{
		{
			method: "POST", path: "/v1/orders", good: orderBody(mugs),
			bad: []bad{
				order("quantity 0", `{"sku":"MUG-1","quantity":0}`, 422, "out_of_range", "lines[0].quantity"),
				order("negative quantity", mugs+`,{"sku":"CUP-1","quantity":-1}`, 422, "out_of_range", "lines[1].quantity"),
				order("quantity over the limit", `{"sku":"MUG-1","quantity":1000001}`, 422, "out_of_range", "lines[0].quantity"),
				order("quantity 2^63", `{"sku":"MUG-1","quantity":9223372036854775808}`, 422, "out_of_range", "lines[0].quantity"),
				order("quantity -2^63-1", `{"sku":"MUG-1","quantity":-9223372036854775809}`, 422, "out_of_range", "lines[0].quantity"),
				order("quantity 1e2", `{"sku":"MUG-1","quantity":1e2}`, 422, "invalid_type", "lines[0].quantity"),
				order("quantity 1.0", `{"sku":"MUG-1","quantity":1.0}`, 422, "invalid_type", "lines[0].quantity"),
				order("quantity -0", `{"sku":"MUG-1","quantity":-0}`, 422, "invalid_type", "lines[0].quantity"),
				order("quantity NaN", `{"sku":"MUG-1","quantity":NaN}`, 400, "malformed_json", ""),
				order("quantity as string", `{"sku":"MUG-1","quantity":"1"}`, 422, "invalid_type", "lines[0].quantity"),
				order("quantity true", `{"sku":"MUG-1","quantity":true}`, 422, "invalid_type", "lines[0].quantity"),
				order("quantity null", `{"sku":"MUG-1","quantity":null}`, 422, "invalid_type", "lines[0].quantity"),
				order("quantity missing", `{"sku":"MUG-1"}`, 422, "required", "lines[0].quantity"),
				order("no lines", ``, 422, "out_of_range", "lines"),
				order("101 lines", mugs+strings.Repeat(`,{"sku":"CUP-1","quantity":1}`, 100), 422, "out_of_range", "lines"),
				order("line is null", `null`, 422, "invalid_type", "lines[0]"),
				order("line is an array", `[]`, 422, "invalid_type", "lines[0]"),
				order("same SKU twice", mugs+`,`+mugs, 422, "duplicate_sku", "lines[1].sku"),
				order("sum overflows", `{"sku":"GOLD-1","quantity":1000}`, 422, "amount_overflow", "lines[0].quantity"),
				order("mixed currencies", mugs+`,{"sku":"USD-1","quantity":1}`, 422, "invalid_currency", "lines[1].unit_price.currency"),
				order("price sent", `{"sku":"MUG-1","quantity":1,"unit_price":{"amount":1,"currency":"EUR"}}`, 400, "unknown_field", "lines[0].unit_price"),
				order("unknown before wrong", `{"sku":5,"quantity":"1","price":1}`, 400, "unknown_field", "lines[0].price"),
				order("discontinued SKU", mugs+`,{"sku":"OLD-1","quantity":1}`, 422, "unknown_sku", "lines[1].sku"),
				order("SKU with a slash", `{"sku":"../MUG","quantity":1}`, 422, "invalid_sku", "lines[0].sku"),
				order("SKU with NUL", `{"sku":"MUG\u0000","quantity":1}`, 422, "invalid_characters", "lines[0].sku"),
				order("SKU too long", `{"sku":"`+strings.Repeat("x", 65)+`","quantity":1}`, 422, "too_long", "lines[0].sku"),
				order("SKU empty", `{"sku":"","quantity":1}`, 422, "required", "lines[0].sku"),
				order("duplicate member in a line", `{"sku":"MUG-1","quantity":1,"quantity":1}`, 400, "duplicate_field", "lines[0].quantity"),
				{"total sent", `{"total":1,` + orderBody(mugs)[1:], 400, "unknown_field", "total"},
				{"status sent", `{"status":"confirmed",` + orderBody(mugs)[1:], 400, "unknown_field", "status"},
				{"customer_id in other case", strings.Replace(orderBody(mugs), "customer_id", "Customer_ID", 1), 400, "unknown_field", "Customer_ID"},
				{"customer_id twice", `{"customer_id":"x",` + orderBody(mugs)[1:], 400, "duplicate_field", "customer_id"},
				{"customer_id twice, once escaped", `{"customer\u005fid":"x",` + orderBody(mugs)[1:], 400, "duplicate_field", "customer_id"},
				{"customer_id is no UUID", strings.Replace(orderBody(mugs), ada, "ada", 1), 422, "unknown_customer", "customer_id"},
				{"customer_id is a number", strings.Replace(orderBody(mugs), `"`+ada+`"`, "5", 1), 422, "invalid_type", "customer_id"},
				{"customer is blocked", strings.Replace(orderBody(mugs), ada, bob, 1), 409, "customer_blocked", "customer_id"},
				{"payment method unknown", strings.Replace(orderBody(mugs), "pm_ok", "pm_gold", 1), 422, "unknown_payment_method", "payment_method"},
				{"payment method with NUL", strings.Replace(orderBody(mugs), "pm_ok", `pm_ok\u0000`, 1), 422, "invalid_characters", "payment_method"},
				{"lines is an object", `{"customer_id":"` + ada + `","lines":{},"payment_method":"pm_ok"}`, 422, "invalid_type", "lines"},
			},
		},
		{
			method: "PUT", path: "/v1/products/MUG-1", good: `{"name":"Mug","price":{"amount":1990,"currency":"EUR"}}`,
			bad: []bad{
				{"name too long", `{"name":"` + strings.Repeat("x", name10k) + `","price":{"amount":1,"currency":"EUR"}}`, 422, "too_long", "name"},
				{"name blank", `{"name":" ","price":{"amount":1,"currency":"EUR"}}`, 422, "required", "name"},
				{"name with NUL", `{"name":"a\u0000b","price":{"amount":1,"currency":"EUR"}}`, 422, "invalid_characters", "name"},
				{"name with newline", `{"name":"a\nb","price":{"amount":1,"currency":"EUR"}}`, 422, "invalid_characters", "name"},
				{"name with direction override", `{"name":"a\u202eb","price":{"amount":1,"currency":"EUR"}}`, 422, "invalid_characters", "name"},
				{"name not normalised", `{"name":"Cafe\u0301","price":{"amount":1,"currency":"EUR"}}`, 422, "invalid_characters", "name"},
				{"negative price", `{"name":"Mug","price":{"amount":-1,"currency":"EUR"}}`, 422, "out_of_range", "price.amount"},
				{"price too high", `{"name":"Mug","price":{"amount":1000000000001,"currency":"EUR"}}`, 422, "out_of_range", "price.amount"},
				{"price as decimal", `{"name":"Mug","price":{"amount":19.90,"currency":"EUR"}}`, 422, "invalid_type", "price.amount"},
				{"unknown currency", `{"name":"Mug","price":{"amount":1,"currency":"XXY"}}`, 422, "invalid_currency", "price.currency"},
				{"currency in other case", `{"name":"Mug","price":{"amount":1,"currency":"eur"}}`, 422, "invalid_currency", "price.currency"},
				{"price is null", `{"name":"Mug","price":null}`, 422, "invalid_type", "price"},
				{"price is missing", `{"name":"Mug"}`, 422, "required", "price"},
				{"SKU sent", `{"sku":"MUG-1","name":"Mug","price":{"amount":1,"currency":"EUR"}}`, 400, "unknown_field", "sku"},
				{"name in other case", `{"Name":"Mug","price":{"amount":1,"currency":"EUR"}}`, 400, "unknown_field", "Name"},
			},
		},
		{
			method: "POST", path: "/v1/customers", good: `{"name":"Ada","email":"ada@example.com"}`,
			bad: []bad{
				{"no email address", `{"name":"Ada","email":"ada"}`, 422, "invalid_email", "email"},
				{"email too long", `{"name":"Ada","email":"` + strings.Repeat("a", 260) + `@example.com"}`, 422, "too_long", "email"},
				{"email missing", `{"name":"Ada"}`, 422, "required", "email"},
				{"name with control character", `{"name":"Ada\u0007","email":"ada@example.com"}`, 422, "invalid_characters", "name"},
				{"id sent", `{"id":"` + ada + `","name":"Ada","email":"ada@example.com"}`, 400, "unknown_field", "id"},
				{"name twice", `{"name":"Ada","name":"Ada","email":"ada@example.com"}`, 400, "duplicate_field", "name"},
			},
		},
		{
			method: "POST", path: "/v1/stock/MUG-1/receipts", good: `{"quantity":5,"reference":"DN-1"}`,
			bad: []bad{
				{"quantity 0", `{"quantity":0,"reference":"DN-1"}`, 422, "out_of_range", "quantity"},
				{"quantity over the limit", `{"quantity":1000000001,"reference":"DN-1"}`, 422, "out_of_range", "quantity"},
				{"quantity as string", `{"quantity":"5","reference":"DN-1"}`, 422, "invalid_type", "quantity"},
				{"reference missing", `{"quantity":5}`, 422, "required", "reference"},
				{"reference null", `{"quantity":5,"reference":null}`, 422, "invalid_type", "reference"},
				{"reference too long", `{"quantity":5,"reference":"` + strings.Repeat("x", 201) + `"}`, 422, "too_long", "reference"},
				{"unknown member", `{"quantity":5,"reference":"DN-1","at":"now"}`, 400, "unknown_field", "at"},
			},
		},
		{
			method: "POST", path: "/v1/stock/MUG-1/adjustments", good: `{"delta":5,"reason":"found"}`,
			bad: []bad{
				{"delta 0", `{"delta":0,"reason":"found"}`, 422, "out_of_range", "delta"},
				{"below what is there", `{"delta":-1,"reason":"lost"}`, 409, "insufficient_stock", "delta"},
				{"delta 2^63", `{"delta":9223372036854775808,"reason":"found"}`, 422, "out_of_range", "delta"},
				{"reason blank", `{"delta":1,"reason":""}`, 422, "required", "reason"},
				{"record_shortage as string", `{"delta":1,"reason":"found","record_shortage":"yes"}`, 422, "invalid_type", "record_shortage"},
			},
		},
		{
			method: "POST", path: "/v1/orders/" + confirmedOrder + "/cancel", good: `{"reason":"ordered twice"}`,
			bad: []bad{
				{"reason missing", `{}`, 422, "required", "reason"},
				{"reason blank", `{"reason":" "}`, 422, "required", "reason"},
				{"reason null", `{"reason":null}`, 422, "invalid_type", "reason"},
				{"reason is a number", `{"reason":1}`, 422, "invalid_type", "reason"},
				{"reason too long", `{"reason":"` + strings.Repeat("x", 201) + `"}`, 422, "too_long", "reason"},
				{"reason with NUL", `{"reason":"a\u0000b"}`, 422, "invalid_characters", "reason"},
				{"reason with direction override", `{"reason":"a\u202eb"}`, 422, "invalid_characters", "reason"},
				{"status sent", `{"reason":"x","status":"cancelled"}`, 400, "unknown_field", "status"},
				{"reason twice", `{"reason":"x","reason":"y"}`, 400, "duplicate_field", "reason"},
			},
		},
		{
			method: "POST", path: "/v1/orders/" + confirmedOrder + "/ship", good: `{"carrier":"DHL","tracking_number":"JD1"}`,
			bad: []bad{
				{"carrier missing", `{"tracking_number":"JD1"}`, 422, "required", "carrier"},
				{"carrier too long", `{"carrier":"` + strings.Repeat("x", 65) + `","tracking_number":"JD1"}`, 422, "too_long", "carrier"},
				{"carrier with newline", `{"carrier":"D\nHL","tracking_number":"JD1"}`, 422, "invalid_characters", "carrier"},
				{"tracking number missing", `{"carrier":"DHL"}`, 422, "required", "tracking_number"},
				{"tracking number blank", `{"carrier":"DHL","tracking_number":""}`, 422, "required", "tracking_number"},
				{"tracking number is a number", `{"carrier":"DHL","tracking_number":1}`, 422, "invalid_type", "tracking_number"},
				{"tracking number too long", `{"carrier":"DHL","tracking_number":"` + strings.Repeat("x", 129) + `"}`, 422, "too_long", "tracking_number"},
				{"unknown member", `{"carrier":"DHL","tracking_number":"JD1","weight":3}`, 400, "unknown_field", "weight"},
			},
		},
	}
}

// badJSON is no JSON object, or not only one, whatever the target.
func badJSON(good string) []bad {
	deep := func(n int) string { return `{"x":` + strings.Repeat("[", n-1) + strings.Repeat("]", n-1) + `}` }
	return []bad{
		{"not JSON", "customer_id=1", 400, "malformed_json", ""},
		{"only spaces", "  \n", 400, "malformed_json", ""},
		{"cut off", good[:len(good)-1], 400, "malformed_json", ""},
		{"trailing data", good + `x`, 400, "malformed_json", ""},
		{"two values", good + good, 400, "malformed_json", ""},
		{"trailing comma", good[:len(good)-1] + `,}`, 400, "malformed_json", ""},
		{"comment", good + `// x`, 400, "malformed_json", ""},
		{"single quotes", strings.ReplaceAll(good, `"`, `'`), 400, "malformed_json", ""},
		{"byte order mark", "\ufeff" + good, 400, "malformed_json", ""},
		{"UTF-16", "{\x00}\x00", 400, "malformed_json", ""},
		{"invalid UTF-8", `{"x":"` + "\xff" + `"}`, 400, "malformed_json", ""},
		{"overlong UTF-8", `{"x":"` + "\xc0\x80" + `"}`, 400, "malformed_json", ""},
		{"lone surrogate", `{"x":"\ud800"}`, 400, "malformed_json", ""},
		{"lone low surrogate", `{"x":"\udc00\ud800"}`, 400, "malformed_json", ""},
		{"surrogate as bytes", `{"x":"` + "\xed\xa0\x80" + `"}`, 400, "malformed_json", ""},
		{"raw control character", "{\"x\":\"\x01\"}", 400, "malformed_json", ""},
		{"too deep", deep(33), 400, "malformed_json", ""},
		{"far too deep", deep(20_000), 400, "malformed_json", ""},
		{"just not too deep", deep(32), 400, "unknown_field", "x"},
		{"Infinity", `{"x":Infinity}`, 400, "malformed_json", ""},
		{"leading zero", `{"x":01}`, 400, "malformed_json", ""},
		{"null", `null`, 422, "invalid_type", ""},
		{"an array", `[` + good + `]`, 422, "invalid_type", ""},
		{"a string", `"x"`, 422, "invalid_type", ""},
		{"__proto__", `{"__proto__":{},` + good[1:], 400, "unknown_field", "__proto__"},
		{"empty name", `{"":1,` + good[1:], 400, "unknown_field", ""},
		{"name with controls", `{"a\u0000\u202eb":1,` + good[1:], 400, "unknown_field", "ab"},
	}
}

func TestBadBodies(t *testing.T) {
	t.Parallel()
	for _, target := range targets() {
		for _, tc := range append(badJSON(target.good), target.bad...) {
			t.Run(target.path+"/"+tc.name, func(t *testing.T) {
				t.Parallel()
				p := setup(t)
				p.confirmed(confirmedOrder)
				before := p.appended()
				p.do(target.method, target.path, tc.body, "Idempotency-Key", "k").refused(t, tc.status, tc.code, tc.field)
				if n := p.appended() - before; n != 0 {
					t.Errorf("%d events were stored", n)
				}
				p.do(target.method, target.path, target.good, "Idempotency-Key", "k") // the key is not used up
				if n := p.appended() - before; n != 1 {
					t.Errorf("afterwards a good request stored %d events", n)
				}
			})
		}
	}
}

func TestBadHeaders(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name        string
		headers     []string
		status      int
		code, field string
	}{
		{"no key", nil, 400, "idempotency_key_required", "Idempotency-Key"},
		{"empty key", []string{"Idempotency-Key", ""}, 400, "idempotency_key_invalid", "Idempotency-Key"},
		{"empty quoted key", []string{"Idempotency-Key", `""`}, 400, "idempotency_key_invalid", "Idempotency-Key"},
		{"key too long", []string{"Idempotency-Key", strings.Repeat("k", 256)}, 400, "idempotency_key_invalid", "Idempotency-Key"},
		{"quoted key too long", []string{"Idempotency-Key", `"` + strings.Repeat("k", 256) + `"`}, 400, "idempotency_key_invalid", "Idempotency-Key"},
		{"key not ASCII", []string{"Idempotency-Key", "ké"}, 400, "idempotency_key_invalid", "Idempotency-Key"},
		{"key with a tab", []string{"Idempotency-Key", "a\tb"}, 400, "idempotency_key_invalid", "Idempotency-Key"},
		{"key sent twice", []string{"Idempotency-Key", "k", "Idempotency-Key", "k"}, 400, "idempotency_key_invalid", "Idempotency-Key"},
		{"quote not closed", []string{"Idempotency-Key", `"k`}, 400, "idempotency_key_invalid", "Idempotency-Key"},
		{"something after the quote", []string{"Idempotency-Key", `"k";a=1`}, 400, "idempotency_key_invalid", "Idempotency-Key"},
		{"bad escape", []string{"Idempotency-Key", `"\k"`}, 400, "idempotency_key_invalid", "Idempotency-Key"},
		{"ends in an escape", []string{"Idempotency-Key", `"k\`}, 400, "idempotency_key_invalid", "Idempotency-Key"},
		{"form", []string{"Idempotency-Key", "k", "Content-Type", "application/x-www-form-urlencoded"}, 415, "unsupported_media_type", ""},
		{"no content type", []string{"Idempotency-Key", "k", "Content-Type", ""}, 415, "unsupported_media_type", ""},
		{"JSON in another charset", []string{"Idempotency-Key", "k", "Content-Type", "application/json; charset=latin1"}, 415, "unsupported_media_type", ""},
		{"two content types", []string{"Idempotency-Key", "k", "Content-Type", "application/json", "Content-Type", "text/plain"}, 415, "unsupported_media_type", ""},
		{"gzip", []string{"Idempotency-Key", "k", "Content-Encoding", "gzip"}, 415, "unsupported_media_type", ""},
		{"made-up encoding", []string{"Idempotency-Key", "k", "Content-Encoding", "x-bomb"}, 415, "unsupported_media_type", ""},
		{"If-Match is no version", []string{"Idempotency-Key", "k", "If-Match", `"abc"`}, 400, "invalid_parameter", "If-Match"},
		{"If-Match without quotes", []string{"Idempotency-Key", "k", "If-Match", `1`}, 400, "invalid_parameter", "If-Match"},
		{"weak If-Match", []string{"Idempotency-Key", "k", "If-Match", `W/"1"`}, 400, "invalid_parameter", "If-Match"},
		{"two versions in If-Match", []string{"Idempotency-Key", "k", "If-Match", `"0"`, "If-Match", `"0"`}, 400, "invalid_parameter", "If-Match"},
		{"If-Match of what is not there yet", []string{"Idempotency-Key", "k", "If-Match", `"3"`}, 412, "version_conflict", "If-Match"},
	} {
		p := setup(t)
		t.Run(tc.name, func(t *testing.T) {
			p.do("POST", "/v1/orders", orderBody(mugs), tc.headers...).refused(t, tc.status, tc.code, tc.field)
			if n := p.appended(); n != 0 {
				t.Errorf("%d events were stored", n)
			}
		})
	}
}

func TestGoodHeaders(t *testing.T) {
	t.Parallel()
	for _, headers := range [][]string{
		{"Idempotency-Key", strings.Repeat("k", 255)},
		{"Idempotency-Key", `"` + strings.Repeat("k", 255) + `"`},
		{"Idempotency-Key", "a b~!", "Content-Type", "Application/JSON; charset=UTF-8"},
		{"Idempotency-Key", "k", "Content-Encoding", "identity"},
		{"Idempotency-Key", "k", "X-User-Id", "admin", "X-Forwarded-For", "10.0.0.1"},
		{"Idempotency-Key", "k", "traceparent", "00-00000000000000000000000000000000-b7ad6b7169203331-01"}, // invalid: a new one is made
	} {
		res := setup(t).do("POST", "/v1/orders", orderBody(mugs), headers...).must(t, 201)
		if id := res.header.Get("Ordo-Trace-Id"); len(id) != 32 || strings.Trim(id, "0") == "" {
			t.Errorf("trace id %q", id)
		}
	}
}

func TestMalformedJSONTellsWhere(t *testing.T) {
	t.Parallel()
	p := setup(t)
	for body, offset := range map[string]float64{
		`{"name" "Ada"}`:        8,
		`{"name":"Ada"} x`:      15,
		"\ufeff{}":              0,
		`{"name":"` + "\xff\"}": 9,
		"  ":                    0,
	} {
		if res := p.do("POST", "/v1/customers", body); res.body["offset"] != offset {
			t.Errorf("%q: offset %v, want %v: %s", body, res.body["offset"], offset, res.text)
		}
	}
}

func TestAllFieldErrorsAreListed(t *testing.T) {
	t.Parallel()
	p := setup(t)
	res := p.do("POST", "/v1/orders", `{"customer_id":null,"lines":[{"sku":"","quantity":"x"}]}`, "Idempotency-Key", "k")
	var got []string
	for _, e := range res.body["errors"].([]any) {
		e := e.(map[string]any)
		got = append(got, e["code"].(string)+" "+e["location"].(string))
	}
	want := "invalid_type body.customer_id, required body.lines[0].sku, invalid_type body.lines[0].quantity, required body.payment_method"
	if strings.Join(got, ", ") != want {
		t.Errorf("errors are %v", got)
	}

	res = p.do("POST", "/v1/customers", `{`+strings.TrimSuffix(manyMembers(1000), ",")+`}`)
	if n := len(res.body["errors"].([]any)); n != 20 {
		t.Errorf("%d errors are listed", n)
	}
}

func manyMembers(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(`"m` + strings.Repeat("x", i%7) + string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676)) + `":1,`)
	}
	return b.String()
}

// Commands without a body take none, or an empty object.
func TestCommandsWithoutBody(t *testing.T) {
	t.Parallel()
	p := setup(t)
	p.do("PUT", "/v1/products/MUG-1", `{"name":"Mug","price":{"amount":1,"currency":"EUR"}}`).must(t, 201)
	p.do("DELETE", "/v1/products/MUG-1", `{"reason":"old"}`).refused(t, 400, "unknown_field", "reason")
	p.do("DELETE", "/v1/products/MUG-1", `[]`).refused(t, 422, "invalid_type", "")
	p.do("DELETE", "/v1/products/MUG-1", `{`).refused(t, 400, "malformed_json", "")
	if n := p.appended(); n != 1 {
		t.Errorf("%d events", n)
	}
	p.do("DELETE", "/v1/products/MUG-1", `{}`).must(t, 200)
}

func FuzzBody(f *testing.F) {
	for _, target := range targets() {
		f.Add(target.good)
		for _, tc := range append(badJSON(target.good), target.bad...) {
			f.Add(tc.body)
		}
	}
	f.Fuzz(func(t *testing.T, body string) {
		p := setup(t)
		p.confirmed(confirmedOrder)
		p.known.err = errStop // no waiting for copies: this is about what comes before
		for _, target := range targets() {
			before := p.appended()
			res := p.do(target.method, target.path, body, "Idempotency-Key", "k")
			if stored := p.appended() > before; stored != (res.status < 300) {
				t.Errorf("%s: answered %d, stored: %v", target.path, res.status, stored)
			}
			if res.status == 500 && !strings.Contains(p.log.String(), errStop.Error()) {
				t.Errorf("%s: internal error: %s", target.path, p.log.String())
			}
		}
	})
}
