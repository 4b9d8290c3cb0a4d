package schemas_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/schemas"
)

// versions lists every version of every registered type.
func versions() []schemas.Type {
	var all []schemas.Type
	for _, t := range schemas.Types() {
		for v := 1; v <= t.Version; v++ {
			all = append(all, schemas.Type{Name: t.Name, Version: v})
		}
	}
	return all
}

// compiled holds the JSON Schema of every version, with formats asserted.
var compiled = sync.OnceValues(func() (map[schemas.Type]*jsonschema.Schema, error) {
	byType := map[schemas.Type]*jsonschema.Schema{}
	for _, t := range versions() {
		file, err := schemas.Schema(t.Name, t.Version)
		if err != nil {
			return nil, err
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(file))
		if err != nil {
			return nil, fmt.Errorf("%v: %w", t, err)
		}
		id := fmt.Sprintf("https://ordo-platform.github.io/schemas/%s/v%d", t.Name, t.Version)
		if o, ok := doc.(map[string]any); !ok || o["$id"] != id || o["title"] != t.Name ||
			o["$schema"] != "https://json-schema.org/draft/2020-12/schema" {
			return nil, fmt.Errorf("%v: $id, title or $schema is wrong", t)
		}
		c := jsonschema.NewCompiler()
		c.AssertFormat()
		if err := c.AddResource(id, doc); err != nil {
			return nil, err
		}
		if byType[t], err = c.Compile(id); err != nil {
			return nil, err
		}
	}
	return byType, nil
})

// validate says what a version's schema has against data.
func validate(t rapid.TB, typ schemas.Type, data []byte) error {
	t.Helper()
	byType, err := compiled()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("%v: %v", typ, err)
	}
	return byType[typ].Validate(doc)
}

func sample(t testing.TB, typ schemas.Type) []byte {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("testdata/%s/v%d.json", typ.Name, typ.Version))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func stored(typ schemas.Type, data []byte) eventstore.Event {
	return eventstore.Event{Type: typ.Name, SchemaVersion: typ.Version, Data: data}
}

// TestEveryVersionHasSchemaAndSample, and there is neither for what is not registered.
func TestEveryVersionHasSchemaAndSample(t *testing.T) {
	t.Parallel()
	for _, folder := range []string{"json", "testdata"} {
		files, err := filepath.Glob(folder + "/*/*.json")
		if err != nil {
			t.Fatal(err)
		}
		var found []schemas.Type
		name := regexp.MustCompile(`^` + folder + `/(\w+)/v([1-9]\d*)\.json$`)
		for _, f := range files {
			m := name.FindStringSubmatch(filepath.ToSlash(f))
			if m == nil {
				t.Errorf("%s is no <type>/v<n>.json", f)
				continue
			}
			version, _ := strconv.Atoi(m[2])
			found = append(found, schemas.Type{Name: m[1], Version: version})
		}
		for _, v := range versions() {
			if !slices.Contains(found, v) {
				t.Errorf("%s/%s/v%d.json is missing", folder, v.Name, v.Version)
			}
		}
		for _, f := range found {
			if !slices.Contains(versions(), f) {
				t.Errorf("%s/%s/v%d.json belongs to no registered version", folder, f.Name, f.Version)
			}
		}
	}
}

// TestSamples: what was ever released validates, decodes, and is written again as it was read, if it is the version that
// is written today.
func TestSamples(t *testing.T) {
	t.Parallel()
	for _, typ := range versions() {
		t.Run(fmt.Sprintf("%s v%d", typ.Name, typ.Version), func(t *testing.T) {
			t.Parallel()
			data := sample(t, typ)
			if err := validate(t, typ, data); err != nil {
				t.Error(err)
			}
			e, err := schemas.Decode(stored(typ, data))
			if err != nil {
				t.Fatal(err)
			}
			name, version, encoded, err := schemas.Encode(e)
			if err != nil {
				t.Fatal(err)
			}
			if name != typ.Name || e.EventType() != typ.Name {
				t.Errorf("decodes as %s, encodes as %s", e.EventType(), name)
			}
			if version == typ.Version && !bytes.Equal(canonical(t, encoded), canonical(t, data)) {
				t.Errorf("encodes as\n%s\nsample is\n%s", canonical(t, encoded), canonical(t, data))
			}
		})
	}
}

func canonical(t *testing.T, data []byte) []byte {
	t.Helper()
	v := jsontext.Value(bytes.Clone(data))
	if err := v.Canonicalize(); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestSchemasAreClosed: no object in any of them lets a member through that it does not name, and none is optional by
// accident: each sample, which has them all, is refused with one more member, and without any one that is required.
func TestSchemasAreClosed(t *testing.T) {
	t.Parallel()
	optional := map[string]string{"OrderRejected": "shortages", "OrderCompensationStarted": "detail", "OrderAttentionNeeded": "detail"}
	for _, typ := range versions() {
		whole, err := jsonschema.UnmarshalJSON(bytes.NewReader(sample(t, typ)))
		if err != nil {
			t.Fatal(err)
		}
		byType, err := compiled()
		if err != nil {
			t.Fatal(err)
		}
		objects(whole, func(o map[string]any) {
			o["surplus"] = true
			if byType[typ].Validate(whole) == nil {
				t.Errorf("%v: %v is allowed to have a surplus member", typ, o)
			}
			delete(o, "surplus")
			for name, value := range o {
				delete(o, name)
				if allowed := byType[typ].Validate(whole) == nil; allowed != (optional[typ.Name] == name) {
					t.Errorf("%v: %v without %q: allowed is %v", typ, o, name, allowed)
				}
				o[name] = value
			}
		})
	}
}

// objects calls f for each object in a JSON document.
func objects(doc any, f func(map[string]any)) {
	switch v := doc.(type) {
	case map[string]any:
		f(v)
		for _, member := range v {
			objects(member, f)
		}
	case []any:
		for _, element := range v {
			objects(element, f)
		}
	}
}
