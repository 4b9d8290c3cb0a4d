package schemas_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/aggregates/product"
	"github.com/ordo-platform/ordo/aggregates/stock"
	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/schemas"
)

var received = schemas.Type{Name: "StockReceived", Version: 1}

func TestDecodeIsStrict(t *testing.T) {
	t.Parallel()
	const good = `{"sku":"MUG-1","quantity":5,"reference":"r1","at":"2026-11-20T10:00:00Z"}`
	if _, err := schemas.Decode(stored(received, []byte(good))); err != nil {
		t.Fatal(err)
	}
	with := func(old, replacement string) string { return strings.Replace(good, old, replacement, 1) }
	for name, data := range map[string]string{
		"empty":                    ``,
		"null":                     `null`,
		"array":                    `[]`,
		"empty object":             `{}`,
		"cut short":                good[:len(good)-1],
		"trailing data":            good + `{}`,
		"byte order mark":          "\ufeff" + good,
		"duplicate name":           with(`"sku":`, `"sku":"TEA","sku":`),
		"duplicate name, escaped":  with(`"sku":`, `"s\u006bu":"TEA","sku":`),
		"duplicate, unknown":       with(`{`, `{"x":1,"x":1,`),
		"other case":               with(`"quantity"`, `"Quantity"`),
		"invalid UTF-8":            with(`r1`, "r\xff"),
		"lone surrogate":           with(`r1`, `\ud800`),
		"member missing":           with(`"reference":"r1",`, ``),
		"member null":              with(`"r1"`, `null`),
		"member empty":             with(`"r1"`, `""`),
		"number as string":         with(`5`, `"5"`),
		"fraction":                 with(`5`, `5.5`),
		"too large for 64 bits":    with(`5`, `9223372036854775808`),
		"quantity 0":               with(`5`, `0`),
		"quantity negative":        with(`5`, `-5`),
		"time in words":            with(`2026-11-20T10:00:00Z`, `yesterday`),
		"time without zone":        with(`2026-11-20T10:00:00Z`, `2026-11-20T10:00:00`),
		"time as number":           with(`"2026-11-20T10:00:00Z"`, `1795168800`),
		"no time":                  with(`"2026-11-20T10:00:00Z"`, `null`),
		"too deep in what is skip": with(`{`, `{"x":`+strings.Repeat(`[`, 20_000)+strings.Repeat(`]`, 20_000)+`,`),
	} {
		e, err := schemas.Decode(stored(received, []byte(data)))
		var invalid *schemas.InvalidDataError
		if !errors.As(err, &invalid) || invalid.Type != "StockReceived" || invalid.Version != 1 || invalid.Err == nil || e != nil {
			t.Errorf("%s: %v, %v", name, e, err)
		}
	}
}

func TestDecodeIsOpen(t *testing.T) {
	t.Parallel()
	e, err := schemas.Decode(stored(received, []byte(
		` {"new":{"deep":[1,2]},"at":"2026-11-20T12:30:00.5+02:30","reference":"r\u00e91","quantity":9223372036854775807,"sku":"MUG-1"} `)))
	want := stock.Received{
		SKU: "MUG-1", Quantity: math.MaxInt64, Reference: "ré1", At: time.Date(2026, 11, 20, 10, 0, 0, 500_000_000, time.UTC),
	}
	if err != nil || e != aggregates.Event(want) {
		t.Errorf("%+v, %v; want %+v", e, err, want)
	}
}

func TestUnknownTypesAndVersions(t *testing.T) {
	t.Parallel()
	data := sample(t, received)
	_, err := schemas.Decode(eventstore.Event{Type: "StockStolen", SchemaVersion: 1, Data: data})
	var unknown *schemas.UnknownTypeError
	if !errors.As(err, &unknown) || unknown.Type != "StockStolen" {
		t.Error(err)
	}
	_, err = schemas.Decode(eventstore.Event{Type: "stockreceived", SchemaVersion: 1, Data: data})
	if !errors.As(err, &unknown) {
		t.Error(err)
	}
	_, err = schemas.Decode(eventstore.Event{Type: "StockReceived", SchemaVersion: 2, Data: data})
	var unsupported *schemas.UnsupportedVersionError
	if !errors.As(err, &unsupported) || *unsupported != (schemas.UnsupportedVersionError{Type: "StockReceived", Version: 2, Newest: 1}) {
		t.Error(err)
	}
	for _, version := range []int{0, -1} {
		_, err = schemas.Decode(eventstore.Event{Type: "StockReceived", SchemaVersion: version, Data: data})
		if _, ok := errors.AsType[*schemas.InvalidDataError](err); !ok {
			t.Errorf("version %d: %v", version, err)
		}
	}

	if _, err = schemas.Schema("../OrderPlaced", 1); !errors.As(err, &unknown) {
		t.Error(err)
	}
	for _, version := range []int{0, 2} {
		if _, err = schemas.Schema("StockReceived", version); !errors.As(err, &unsupported) {
			t.Errorf("version %d: %v", version, err)
		}
	}
}

func TestEncode(t *testing.T) {
	t.Parallel()
	cet := time.FixedZone("CET", 3600)
	eventType, version, data, err := schemas.Encode(product.Renamed{
		SKU: "MUG-1", Name: `Tasse <groß> & "blau"`, At: time.Date(2026, 11, 20, 0, 30, 0, 0, cet),
	})
	const want = `{"sku":"MUG-1","name":"Tasse <groß> & \"blau\"","at":"2026-11-19T23:30:00Z"}`
	if err != nil || eventType != "ProductRenamed" || version != 1 || string(data) != want {
		t.Errorf("%s v%d %s, %v; want %s", eventType, version, data, err, want)
	}
}

func TestEncodeRefusesWhatDecodeWould(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	var invalid *schemas.InvalidDataError
	for name, e := range map[string]aggregates.Event{
		"no time":        product.Discontinued{SKU: "MUG-1"},
		"year 10000":     product.Discontinued{SKU: "MUG-1", At: at.AddDate(10_000, 0, 0)},
		"no SKU":         product.Discontinued{At: at},
		"invalid UTF-8":  product.Renamed{SKU: "MUG-1", Name: "\xff", At: at},
		"negative price": product.Repriced{SKU: "MUG-1", Price: aggregates.Money{Amount: -1, Currency: "EUR"}, At: at},
		"no lines":       order.Placed{OrderID: "o", CustomerID: "c", Total: aggregates.Money{Currency: "EUR"}, PaymentMethod: "pm", At: at},
		"pointer":        &product.Discontinued{SKU: "MUG-1", At: at},
	} {
		if _, _, data, err := schemas.Encode(e); !errors.As(err, &invalid) || data != nil {
			t.Errorf("%s: %s, %v", name, data, err)
		}
	}
	var unknown *schemas.UnknownTypeError
	if _, _, _, err := schemas.Encode(foreign{}); !errors.As(err, &unknown) {
		t.Error(err)
	}
}

type foreign struct{}

func (foreign) EventType() string { return "Foreign" }

// The versions of OrderPlaced in a platform with a longer past: v1 had a plain total and knew only euros, v2 named the
// currency beside it, v3 is today's.
func orderPlacedV3() *schemas.Registry {
	return schemas.NewRegistry(
		schemas.Define("OrderPlaced", 3, func(e order.Placed) bool { return e.OrderID != "" && e.Total.Currency != "" },
			rewrite(func(o map[string]json.RawMessage) error {
				o["currency"] = json.RawMessage(`"EUR"`)
				return nil
			}),
			rewrite(func(o map[string]json.RawMessage) error {
				if !bytes.HasPrefix(o["currency"], []byte(`"`)) {
					return errors.New("currency is not a string")
				}
				o["total"] = json.RawMessage(fmt.Sprintf(`{"amount":%s,"currency":%s}`, o["total"], o["currency"]))
				delete(o, "currency")
				return nil
			}),
		),
	)
}

// rewrite makes an upcaster with the standard library, which takes duplicate names and invalid UTF-8: that they are
// refused in old versions, too, must not hang on how an upcaster reads.
func rewrite(change func(map[string]json.RawMessage) error) schemas.Upcaster {
	return func(data []byte) ([]byte, error) {
		var o map[string]json.RawMessage
		if err := json.Unmarshal(data, &o); err != nil {
			return nil, err
		}
		if err := change(o); err != nil {
			return nil, err
		}
		return json.Marshal(o)
	}
}

func TestUpcast(t *testing.T) {
	t.Parallel()
	r := orderPlacedV3()
	const rest = `"order_id":"o-1","customer_id":"c-1","lines":[],"payment_method":"pm_ok","at":"2026-11-20T10:00:00Z"`
	want := func(currency string) order.Placed {
		return order.Placed{
			OrderID: "o-1", CustomerID: "c-1", Lines: []order.Line{}, Total: aggregates.Money{Amount: 1990, Currency: currency},
			PaymentMethod: "pm_ok", At: time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC),
		}
	}
	for version, tc := range map[int]struct{ data, currency string }{
		1: {`{"total":1990,` + rest + `}`, "EUR"},
		2: {`{"total":1990,"currency":"USD",` + rest + `}`, "USD"},
		3: {`{"total":{"amount":1990,"currency":"JPY"},` + rest + `}`, "JPY"},
	} {
		e, err := r.Decode(eventstore.Event{Type: "OrderPlaced", SchemaVersion: version, Data: []byte(tc.data)})
		if err != nil || !reflect.DeepEqual(e, want(tc.currency)) {
			t.Errorf("v%d: %+v, %v", version, e, err)
		}
	}

	if _, version, _, err := r.Encode(want("EUR")); version != 3 || err != nil {
		t.Errorf("encodes as v%d, %v", version, err)
	}
	var unsupported *schemas.UnsupportedVersionError
	if _, err := r.Decode(eventstore.Event{Type: "OrderPlaced", SchemaVersion: 4}); !errors.As(err, &unsupported) || unsupported.Newest != 3 {
		t.Error(err)
	}
	for name, e := range map[string]eventstore.Event{
		"upcaster fails":           {Type: "OrderPlaced", SchemaVersion: 2, Data: []byte(`{"total":1990,` + rest + `}`)},
		"invalid after upcasting":  {Type: "OrderPlaced", SchemaVersion: 1, Data: []byte(`{"total":"x",` + rest + `}`)},
		"duplicate in old version": {Type: "OrderPlaced", SchemaVersion: 1, Data: []byte(`{"total":1,"total":1990,` + rest + `}`)},
		"bad UTF-8 in old version": {Type: "OrderPlaced", SchemaVersion: 1, Data: []byte("{\"total\":1990,\"note\":\"\xff\"," + rest + "}")},
		"old version is no JSON":   {Type: "OrderPlaced", SchemaVersion: 1, Data: []byte(`{`)},
	} {
		var invalid *schemas.InvalidDataError
		if _, err := r.Decode(e); !errors.As(err, &invalid) || invalid.Version != e.SchemaVersion {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTablesThatContradictThemselves(t *testing.T) {
	t.Parallel()
	valid := func(product.Discontinued) bool { return true }
	for name, define := range map[string]func(){
		"other name":       func() { schemas.Define("ProductGone", 1, valid) },
		"upcaster missing": func() { schemas.Define("ProductDiscontinued", 2, valid) },
		"surplus upcaster": func() { schemas.Define("ProductDiscontinued", 1, valid, rewrite(nil)) },
		"version 0":        func() { schemas.Define("ProductDiscontinued", 0, valid) },
		"type defined twice": func() {
			schemas.NewRegistry(schemas.Define("ProductDiscontinued", 1, valid), schemas.Define("ProductDiscontinued", 1, valid))
		},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: accepted", name)
				}
			}()
			define()
		}()
	}
}

// FuzzDecode: whatever decodes is written again, and that reads as the same event.
func FuzzDecode(f *testing.F) {
	for i, typ := range schemas.Types() {
		f.Add(i, sample(f, typ))
	}
	f.Fuzz(func(t *testing.T, i int, data []byte) {
		all := schemas.Types()
		typ := all[uint(i)%uint(len(all))]
		e, err := schemas.Decode(stored(typ, data))
		if err != nil {
			if _, ok := errors.AsType[*schemas.InvalidDataError](err); !ok {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		_, _, first, err := schemas.Encode(e)
		if err != nil {
			t.Fatalf("%+v was read and cannot be written: %v", e, err)
		}
		again, err := schemas.Decode(stored(typ, first))
		if err != nil {
			t.Fatalf("%s was written and cannot be read: %v", first, err)
		}
		_, _, second, err := schemas.Encode(again)
		if err != nil || !bytes.Equal(first, second) {
			t.Fatalf("written as %s, then as %s, %v", first, second, err)
		}
	})
}
