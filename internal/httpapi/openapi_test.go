package httpapi_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/customer"
	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/aggregates/product"
	"github.com/ordo-platform/ordo/aggregates/stock"
)

var update = flag.Bool("update", false, "write openapi.json")

// The committed document is that of all services.
func TestOpenAPIDocument(t *testing.T) {
	t.Parallel()
	p := setup(t)
	res := p.do("GET", "/openapi.json", "").must(t, 200)
	if *update {
		if err := os.WriteFile("openapi.json", []byte(res.text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	committed, err := os.ReadFile("openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(committed, []byte(res.text)) {
		t.Error("openapi.json is not what the code makes; run go generate")
	}
	if res.body["openapi"] != "3.1.0" {
		t.Errorf("version %v", res.body["openapi"])
	}
	for _, wrong := range []string{"$schema", `"null"`} {
		if strings.Contains(res.text, wrong) {
			t.Errorf("the document has %s", wrong)
		}
	}
	if yaml := p.do("GET", "/openapi.yaml", "").must(t, 200); !strings.Contains(yaml.text, "operationId: placeOrder") {
		t.Error("no YAML")
	}
}

type document struct {
	Paths map[string]map[string]struct {
		OperationID string                     `json:"operationId"`
		Responses   map[string]json.RawMessage `json:"responses"`
	} `json:"paths"`
	Components struct {
		Schemas map[string]schema `json:"schemas"`
	} `json:"components"`
}

type schema struct {
	Properties           map[string]schema `json:"properties"`
	AdditionalProperties any               `json:"additionalProperties"`
	Items                *schema           `json:"items"`
	MaxLength            int64             `json:"maxLength"`
	MaxItems             int64             `json:"maxItems"`
	Maximum              int64             `json:"maximum"`
	Enum                 []string          `json:"enum"`
}

func readDocument(t *testing.T) document {
	t.Helper()
	var d document
	if err := json.Unmarshal([]byte(setup(t).do("GET", "/openapi.json", "").text), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestEveryRouteOfTheDesignIsDocumented(t *testing.T) {
	t.Parallel()
	d := readDocument(t)
	n := 0
	for _, route := range []string{
		"post /v1/orders", "get /v1/orders", "get /v1/orders/{id}", "get /v1/orders/{id}/events",
		"post /v1/orders/{id}/cancel", "post /v1/orders/{id}/ship", "post /v1/orders/{id}/retry",
		"get /v1/orders/{id}/process",
		"put /v1/products/{sku}", "get /v1/products/{sku}", "delete /v1/products/{sku}", "get /v1/products",
		"post /v1/customers", "get /v1/customers/{id}", "get /v1/customers/{id}/orders", "get /v1/sales/daily", "post /v1/customers/{id}/block", "post /v1/customers/{id}/unblock",
		"post /v1/stock/{sku}/receipts", "post /v1/stock/{sku}/adjustments", "get /v1/stock/{sku}", "get /v1/payments/{order_id}",
		"get /livez", "get /readyz", "get /metrics", "get /problems", "get /problems/{code}",
	} {
		method, path, _ := strings.Cut(route, " ")
		if d.Paths[path][method].OperationID == "" {
			t.Errorf("%s is not documented", route)
		}
	}
	for _, item := range d.Paths {
		n += len(item)
	}
	if n != 27 {
		t.Errorf("%d routes are documented", n)
	}
}

// Requests are closed, answers are open.
func TestSchemasOfRequestsAndAnswers(t *testing.T) {
	t.Parallel()
	closed := 0
	for name, s := range readDocument(t).Components.Schemas {
		request := strings.HasSuffix(name, "Sent") || map[string]bool{
			"PlaceOrder": true, "DefineProduct": true, "RegisterCustomer": true, "ReceiveStock": true, "AdjustStock": true,
			"CancelOrder": true, "ShipOrder": true, "RetryOrder": true,
		}[name]
		if s.AdditionalProperties == request {
			t.Errorf("%s: additionalProperties is %v", name, s.AdditionalProperties)
		}
		if request {
			closed++
		}
	}
	if closed != 10 {
		t.Errorf("%d schemas are of requests", closed)
	}
}

// The schemas repeat limits of the domain, because tags cannot name constants.
func TestSchemasHaveTheLimitsOfTheDomain(t *testing.T) {
	t.Parallel()
	schemas := readDocument(t).Components.Schemas
	for _, tc := range []struct {
		name      string
		got, want int64
	}{
		{"lines", schemas["PlaceOrder"].Properties["lines"].MaxItems, order.MaxLines},
		{"payment method", schemas["PlaceOrder"].Properties["payment_method"].MaxLength, order.MaxPaymentMethodLength},
		{"SKU", schemas["OrderLineSent"].Properties["sku"].MaxLength, aggregates.MaxSKULength},
		{"quantity", schemas["OrderLineSent"].Properties["quantity"].Maximum, order.MaxQuantity},
		{"product name", schemas["DefineProduct"].Properties["name"].MaxLength, product.MaxNameLength},
		{"price", schemas["PriceSent"].Properties["amount"].Maximum, product.MaxPrice},
		{"customer name", schemas["RegisterCustomer"].Properties["name"].MaxLength, customer.MaxNameLength},
		{"email", schemas["RegisterCustomer"].Properties["email"].MaxLength, customer.MaxEmailLength},
		{"received", schemas["ReceiveStock"].Properties["quantity"].Maximum, stock.MaxReceived},
		{"reference", schemas["ReceiveStock"].Properties["reference"].MaxLength, stock.MaxReferenceLength},
		{"reason", schemas["AdjustStock"].Properties["reason"].MaxLength, stock.MaxReasonLength},
		{"cancel reason", schemas["CancelOrder"].Properties["reason"].MaxLength, order.MaxReasonLength},
		{"carrier", schemas["ShipOrder"].Properties["carrier"].MaxLength, order.MaxCarrierLength},
		{"tracking number", schemas["ShipOrder"].Properties["tracking_number"].MaxLength, order.MaxTrackingLength},
	} {
		if tc.got != tc.want {
			t.Errorf("%s: the schema says %d, the domain %d", tc.name, tc.got, tc.want)
		}
	}
}

// Every reason the domain can refuse for has its line in the table of problems.
func TestEveryRefusalIsAKnownProblem(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, k := range setup(t).do("GET", "/problems", "").must(t, 200).body["problems"].([]any) {
		code := k.(map[string]any)["code"].(string)
		if known[code] {
			t.Errorf("%s is listed twice", code)
		}
		known[code] = true
	}
	codes := 0
	for name, code := range constants(t, "../../aggregates/*.go", "../../aggregates/*/*.go") {
		if !strings.HasPrefix(name, "Code") {
			continue
		}
		codes++
		if !known[code] {
			t.Errorf("%s = %q is not in the table of problems", name, code)
		}
	}
	if codes < 10 {
		t.Errorf("only %d codes were found", codes)
	}
}

// The statuses that orders are listed by are those that orders can have.
func TestEveryStatusCanBeListed(t *testing.T) {
	t.Parallel()
	p := setup(t)
	schemas := readDocument(t).Components.Schemas
	enum, changed := fmt.Sprint(schemas["OrderAnswer"].Properties["status"].Enum), fmt.Sprint(schemas["OrderChange"].Properties["status"].Enum)
	for name, status := range constants(t, "../../aggregates/order/state.go") {
		if !strings.HasPrefix(name, "Status") || status == "" {
			continue
		}
		p.do("GET", "/v1/orders?status="+status, "").must(t, 200)
		if !strings.Contains(enum, status) || !strings.Contains(changed, status) {
			t.Errorf("%s is not documented", status)
		}
	}
}

// constants are the string constants in Go files, by name.
func constants(t *testing.T, patterns ...string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, pattern := range patterns {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(parsed, func(n ast.Node) bool {
				spec, ok := n.(*ast.ValueSpec)
				if !ok || len(spec.Values) != 1 {
					return true
				}
				if lit, ok := spec.Values[0].(*ast.BasicLit); ok && lit.Kind == token.STRING {
					if found[spec.Names[0].Name], err = strconv.Unquote(lit.Value); err != nil {
						t.Fatal(err)
					}
				}
				return true
			})
		}
	}
	return found
}

// The page works without anything from elsewhere.
func TestDocsPage(t *testing.T) {
	t.Parallel()
	p := setup(t)
	res := p.do("GET", "/docs", "").must(t, 200)
	for _, part := range []string{"/v1/orders/{id}/events", "outcome_unknown", "Place an order"} {
		if !strings.Contains(res.text, part) {
			t.Errorf("the page does not have %q", part)
		}
	}
	if elsewhere := regexp.MustCompile(`(src|href)="https?:|<script|@import|url\(`).FindString(res.text); elsewhere != "" {
		t.Errorf("the page loads %s", elsewhere)
	}
	if policy := res.header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") {
		t.Errorf("policy %q", policy)
	}
	for name := range p.do("GET", "/problems/outcome_unknown", "").must(t, 200).body {
		switch name {
		case "type", "code", "status", "title", "advice":
		default:
			t.Errorf("a type of problem has %s", name)
		}
	}
}
