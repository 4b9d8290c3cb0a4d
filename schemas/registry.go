package schemas

import (
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/eventstore"
)

// Registry is a set of event types. It does not change once made, so it can be used by many goroutines.
type Registry struct {
	types  []Type
	byName map[string]Definition
}

// Type is an event type and the version of its schema that is written today.
type Type struct {
	Name    string
	Version int
}

// Definition is what a [Registry] knows of one event type; [Define] makes it.
type Definition struct {
	Type
	upcasters []Upcaster
	encode    func(aggregates.Event) ([]byte, error)
	decode    func([]byte) (aggregates.Event, error)
}

// Upcaster turns the data of an event into that of the next version of its schema. It gets strict JSON as it was written,
// and must give the same for the same data for ever.
type Upcaster func(data []byte) ([]byte, error)

// Define describes the event type that E is in Go. valid says whether a value has all that every event of the type says;
// it is asked on both ways, so that nothing is written that could not be read. There is one upcaster for each older
// version, from v1 on.
func Define[E aggregates.Event](name string, version int, valid func(E) bool, upcasters ...Upcaster) Definition {
	var zero E
	if zero.EventType() != name {
		panic(fmt.Sprintf("schemas: %T calls itself %s, not %s", zero, zero.EventType(), name))
	}
	if len(upcasters) != version-1 {
		panic(fmt.Sprintf("schemas: %s v%d needs %d upcasters, not %d", name, version, version-1, len(upcasters)))
	}
	return Definition{
		Type:      Type{name, version},
		upcasters: upcasters,
		encode: func(e aggregates.Event) ([]byte, error) {
			own, ok := e.(E)
			if !ok {
				return nil, fmt.Errorf("is a %T, not a %T", e, own)
			}
			if !valid(own) {
				return nil, ErrIncomplete
			}
			return json.Marshal(&own, options)
		},
		decode: func(data []byte) (aggregates.Event, error) {
			var e E
			if err := json.Unmarshal(data, &e, options); err != nil {
				return nil, err
			}
			if !valid(e) {
				return nil, ErrIncomplete
			}
			return e, nil
		},
	}
}

// options leave all else as the JSON library has it: no duplicate names, exact case, valid UTF-8, unknown members passed
// over, members in the order of the Go fields.
var options = json.JoinOptions(
	json.WithMarshalers(json.MarshalFunc(func(t time.Time) ([]byte, error) { return t.UTC().MarshalJSON() })),
	json.WithUnmarshalers(json.UnmarshalFunc(func(data []byte, t *time.Time) error {
		err := t.UnmarshalJSON(data)
		*t = t.UTC()
		return err
	})),
)

// NewRegistry makes a registry of these types. It panics if two have the same name: definitions are written down in code,
// so this is a mistake there.
func NewRegistry(definitions ...Definition) *Registry {
	r := &Registry{byName: make(map[string]Definition, len(definitions))}
	for _, d := range definitions {
		if _, again := r.byName[d.Name]; again {
			panic(fmt.Sprintf("schemas: %s is defined twice", d.Name))
		}
		r.byName[d.Name] = d
		r.types = append(r.types, d.Type)
	}
	return r
}

// Types returns all event types, in the order they were defined in.
func (r *Registry) Types() []Type { return append([]Type(nil), r.types...) }

// Encode returns the type, the schema version and the data to store for an event.
func (r *Registry) Encode(e aggregates.Event) (eventType string, version int, data []byte, err error) {
	name := e.EventType()
	d, ok := r.byName[name]
	if !ok {
		return "", 0, nil, &UnknownTypeError{Type: name}
	}
	if data, err = d.encode(e); err != nil {
		return "", 0, nil, &InvalidDataError{Type: name, Version: d.Version, Err: err}
	}
	return name, d.Version, data, nil
}

// Known tells whether an event's type and schema version can be read, without reading its data. Errors:
// *[UnknownTypeError], *[UnsupportedVersionError].
func (r *Registry) Known(e eventstore.Event) error {
	d, ok := r.byName[e.Type]
	if !ok {
		return &UnknownTypeError{Type: e.Type}
	}
	if e.SchemaVersion > d.Version {
		return &UnsupportedVersionError{Type: e.Type, Version: e.SchemaVersion, Newest: d.Version}
	}
	return nil
}

// Decode returns the Go value of a stored event, in the newest version. Errors: *[UnknownTypeError],
// *[UnsupportedVersionError], *[InvalidDataError].
func (r *Registry) Decode(e eventstore.Event) (aggregates.Event, error) {
	if err := r.Known(e); err != nil {
		return nil, err
	}
	d := r.byName[e.Type]
	data, err := d.upcast(e.Data, e.SchemaVersion)
	if err != nil {
		return nil, &InvalidDataError{Type: e.Type, Version: e.SchemaVersion, Err: err}
	}
	decoded, err := d.decode(data)
	if err != nil {
		return nil, &InvalidDataError{Type: e.Type, Version: e.SchemaVersion, Err: err}
	}
	return decoded, nil
}

// upcast brings data of an older version to the newest one. Data of the newest version is not looked at.
func (d Definition) upcast(data []byte, version int) ([]byte, error) {
	if version < 1 {
		return nil, errVersion
	}
	if version == d.Version {
		return data, nil
	}
	if !jsontext.Value(data).IsValid() { // whatever upcasters use to read it, they may be less strict
		return nil, errJSON
	}
	for v := version; v < d.Version; v++ {
		next, err := d.upcasters[v-1](data)
		if err != nil {
			return nil, fmt.Errorf("%w to v%d: %w", ErrUpcast, v+1, err)
		}
		data = next
	}
	return data, nil
}
