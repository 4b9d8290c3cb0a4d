package asyncapi_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/asyncapi"
	"github.com/ordo-platform/ordo/internal/kafka"
	"github.com/ordo-platform/ordo/schemas"
)

var update = flag.Bool("update", false, "write docs/asyncapi.yaml")

const file = "../../docs/asyncapi.yaml"

var channels = []asyncapi.Channel{
	{Service: "orders", About: "The orders themselves, from placed to shipped, rejected or cancelled.", Categories: []string{"order"}},
	{Service: "inventory", About: "Stock on hand, and what is reserved for which order.", Categories: []string{"stock", "reservation"}},
	{Service: "payments", About: "The payment of each order: what was asked of the provider, and what it answered.", Categories: []string{"payment"}},
	{Service: "catalog", About: "Products and their prices.", Categories: []string{"product"}},
	{Service: "customers", About: "Customers, and who is blocked.", Categories: []string{"customer"}},
}

// sample is the golden sample of a version. Its stream is named after the aggregate whose package the Go type is in.
func sample(t schemas.Type) (asyncapi.Sample, error) {
	data, err := os.ReadFile(fmt.Sprintf("../../schemas/testdata/%s/v%d.json", t.Name, t.Version))
	if err != nil {
		return asyncapi.Sample{}, err
	}
	e, err := schemas.Decode(eventstore.Event{Type: t.Name, SchemaVersion: t.Version, Data: data})
	if err != nil {
		return asyncapi.Sample{}, err
	}
	return asyncapi.Sample{Category: path.Base(reflect.TypeOf(e).PkgPath()), Data: data}, nil
}

// The committed document is what the code makes.
func TestDocument(t *testing.T) {
	t.Parallel()
	made, err := asyncapi.Document(channels, sample)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(file, made, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	committed, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(committed, made) {
		t.Error("docs/asyncapi.yaml is not what the code makes; run go generate")
	}
}

// TestDocumentIsAsyncAPI: the document is one in the words of the specification's own JSON Schema.
func TestDocumentIsAsyncAPI(t *testing.T) {
	t.Parallel()
	c := jsonschema.NewCompiler()
	specification, err := os.ReadFile("testdata/asyncapi-3.0.0.json")
	if err != nil {
		t.Fatal(err)
	}
	add(t, c, "asyncapi.json", specification)
	schema, err := c.Compile("asyncapi.json")
	if err != nil {
		t.Fatal(err)
	}
	document := committed(t)
	if err := schema.Validate(parse(t, document)); err != nil {
		t.Error(err)
	}
	for _, broken := range [][2]string{{`"action":"send"`, `"action":"sing"`}, {`"asyncapi":"3.0.0"`, `"asyncapi":"9.0.0"`}, {`"address":"orders.events"`, `"address":7`}} {
		changed := bytes.Replace(document, []byte(broken[0]), []byte(broken[1]), 1)
		if bytes.Equal(changed, document) {
			t.Errorf("void: %s is not in the document", broken[0])
		}
		if schema.Validate(parse(t, changed)) == nil {
			t.Errorf("%s is accepted", broken[1])
		}
	}
}

// TestDocumentHolds: records as the relay writes them have the headers and values that the document promises.
func TestDocumentHolds(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	contract, err := asyncapi.Parse(document)
	if err != nil {
		t.Fatal(err)
	}
	for _, typ := range schemas.Types() {
		for v := 1; v <= typ.Version; v++ {
			version := schemas.Type{Name: typ.Name, Version: v}
			s, err := sample(version)
			if err != nil {
				t.Fatal(err)
			}
			service := serviceOf(s.Category)
			topic := kafka.EventsTopic(service)
			record := kafka.Record(service, eventstore.Recorded{
				Event: eventstore.Event{ID: uuid.New(), Type: typ.Name, SchemaVersion: v, Data: s.Data, Metadata: eventstore.Metadata{
					CorrelationID: "c", CausationID: "d", Actor: "e", TraceParent: "f", TraceState: "g",
				}},
				Stream: eventstore.StreamID(s.Category + "-1"), Version: 3, Position: 7, Prev: 5, RecordedAt: time.Now(),
			})
			headers := map[string]string{}
			for _, h := range record.Headers {
				headers[h.Key] = string(h.Value)
				if !bytes.Contains(document, []byte(" "+h.Key+":")) {
					t.Errorf("header %s is not in the document", h.Key)
				}
			}
			if err := contract.Check(topic, headers, s.Data); err != nil {
				t.Errorf("%v: %v", version, err)
			}
			for name := range headers {
				without := maps.Clone(headers)
				delete(without, name)
				optional := strings.HasPrefix(name, "trace") || name == "ordo_actor" || name == "ce_correlationid" || name == "ce_causationid"
				if (contract.Check(topic, without, s.Data) == nil) != optional {
					t.Errorf("header %s optional: %t", name, !optional)
				}
			}
			if contract.Check(topic, headers, []byte("{}")) == nil {
				t.Errorf("%v: an empty value is accepted", version)
			}
			if contract.Check("nowhere.events", headers, s.Data) == nil {
				t.Errorf("%v: is accepted on a topic that is not in the document", version)
			}
		}
	}
}

func serviceOf(category string) string {
	for _, c := range channels {
		if slices.Contains(c.Categories, category) {
			return c.Service
		}
	}
	return ""
}

// committed is the document as JSON.
func committed(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var document any
	if err := yaml.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	converted, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	return converted
}

func parse(t *testing.T, text []byte) any {
	t.Helper()
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func add(t *testing.T, c *jsonschema.Compiler, name string, text []byte) {
	t.Helper()
	if err := c.AddResource(name, parse(t, text)); err != nil {
		t.Fatal(err)
	}
}
