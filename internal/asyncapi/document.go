package asyncapi

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/ordo-platform/ordo/internal/kafka"
	"github.com/ordo-platform/ordo/schemas"
)

// Channel is the topic of a service: what it is about, and the categories of the streams on it.
type Channel struct {
	Service, About string
	Categories     []string
}

// Sample is an event as it was written once.
type Sample struct {
	Category string // of its stream
	Data     []byte
}

// partitions is how many every events topic has. They are part of the contract: a key stays where it is.
const partitions = 12

// Document returns the AsyncAPI 3.0 document in YAML. sample gives one event of each type and version.
func Document(channels []Channel, sample func(schemas.Type) (Sample, error)) ([]byte, error) {
	d := object{}
	messages, payloads := object{}, object{"headers": headers()}
	of := map[string]object{} // messages by category
	for _, t := range schemas.Types() {
		for v := 1; v <= t.Version; v++ {
			version := schemas.Type{Name: t.Name, Version: v}
			s, err := sample(version)
			if err != nil {
				return nil, err
			}
			name := fmt.Sprintf("%s.v%d", t.Name, v)
			schema, about, err := payload(version, name)
			if err != nil {
				return nil, err
			}
			payloads[name] = object{"schemaFormat": "application/schema+json;version=draft-2020-12", "schema": schema}
			var data yaml.Node
			if err := yaml.Unmarshal(s.Data, &data); err != nil {
				return nil, fmt.Errorf("sample of %s: %w", name, err)
			}
			messages[name] = object{
				"name": t.Name, "title": fmt.Sprintf("%s, version %d", t.Name, v), "summary": about,
				"contentType": "application/json",
				"headers":     ref("schemas", "headers"),
				"payload":     ref("schemas", name),
				"bindings":    object{"kafka": object{"key": object{"type": "string"}, "bindingVersion": "0.5.0"}},
				"examples":    []any{object{"payload": block(data.Content[0])}},
			}
			if of[s.Category] == nil {
				of[s.Category] = object{}
			}
			of[s.Category][name] = ref("messages", name)
		}
	}
	topics, operations := object{}, object{}
	for _, c := range channels {
		topic := kafka.EventsTopic(c.Service)
		carries := object{}
		for _, category := range c.Categories {
			maps.Copy(carries, of[category])
			delete(of, category)
		}
		topics[c.Service] = object{
			"address": topic, "title": topic, "description": c.About, "messages": carries,
			"bindings": object{"kafka": object{
				"topic": topic, "partitions": partitions,
				"topicConfiguration": object{"cleanup.policy": []string{"delete"}, "retention.ms": -1}, "bindingVersion": "0.5.0",
			}},
		}
		operations["publish-"+c.Service] = object{
			"action": "send", "channel": object{"$ref": "#/channels/" + c.Service},
			"summary": "Each event of the service " + c.Service + ", once, in the order in which it was recorded.",
		}
	}
	for category := range of {
		return nil, fmt.Errorf("events of %s streams are on no channel", category)
	}
	d["asyncapi"] = "3.0.0"
	d["info"] = object{
		"title": "Ordo events", "version": "1.0.0", "description": about,
		"license": object{"name": "Apache 2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
	}
	d["defaultContentType"] = "application/json"
	d["servers"] = object{"development": object{"host": "localhost:9092", "protocol": "kafka", "description": "The broker of `ordo dev`."}}
	d["channels"], d["operations"] = topics, operations
	d["components"] = object{"messages": messages, "schemas": payloads}
	return encode(d)
}

const about = `What happened in a shop: one topic for each service. Records are CloudEvents 1.0 in the binary mode of the Kafka binding.

Read committed records only (isolation.level=read_committed): others would see what was taken back. Records of one key (order, SKU
or customer) are in one partition, in order, and stay there. ce_sequence is the position in the log of the service and rises within
a partition; ordo_prev is the position before it in the same partition, so a reader sees by itself that nothing is missing. Whoever
remembers the last position of each partition in the transaction of its own work applies each event exactly once.

New members may appear in a version, so readers pass over what they do not know. What changes the meaning is a new version, which
is announced in ce_dataschema; it is written only after it was published here.`

type object map[string]any

func ref(kind, name string) object { return object{"$ref": "#/components/" + kind + "/" + name} }

// payload is the schema of a version as a part of the document: what it refers to in itself is found from the document's root.
func payload(t schemas.Type, name string) (schema *yaml.Node, about string, err error) {
	file, err := schemas.Schema(t.Name, t.Version)
	if err != nil {
		return nil, "", err
	}
	file = bytes.ReplaceAll(file, []byte(`"#/$defs/`), []byte(`"#/components/schemas/`+name+`/schema/$defs/`))
	var root yaml.Node
	if err := yaml.Unmarshal(file, &root); err != nil {
		return nil, "", fmt.Errorf("schema of %s: %w", name, err)
	}
	schema = block(root.Content[0])
	kept := schema.Content[:0]
	for i := 0; i < len(schema.Content); i += 2 {
		switch key, value := schema.Content[i].Value, schema.Content[i+1]; key {
		case "$schema", "$id": // the base of references would change with it
			continue
		case "description":
			about = value.Value
		}
		kept = append(kept, schema.Content[i], schema.Content[i+1])
	}
	schema.Content = kept
	return schema, about, nil
}

// block gives what was JSON the style of YAML.
func block(n *yaml.Node) *yaml.Node {
	n.Style &^= yaml.FlowStyle | yaml.DoubleQuotedStyle
	for _, child := range n.Content {
		block(child)
	}
	return n
}

// headers is the schema of the record's headers.
func headers() object {
	text := func(description, pattern string) object {
		o := object{"type": "string", "description": description}
		if pattern != "" {
			o["pattern"] = pattern
		}
		return o
	}
	optional := func(description string) object { return text(description, "") }
	const uuid = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
	required := object{
		"ce_specversion":  object{"type": "string", "const": "1.0"},
		"ce_id":           text("Id of the event, the same for ever. A UUID.", uuid),
		"ce_source":       text("/ and the service that recorded it.", "^/[a-z]+$"),
		"ce_type":         text("Type of the event: the name of a message here.", "^[A-Z][A-Za-z]+$"),
		"ce_time":         text("When it was recorded. UTC, RFC 3339.", "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z$"),
		"ce_subject":      text("The stream: what it happened to.", "^[a-z]+-.+$"),
		"ce_dataschema":   text("The $id of the JSON Schema of the value; ends with the version.", "^https://ordo-platform\\.github\\.io/schemas/[A-Za-z]+/v[1-9][0-9]*$"),
		"ce_sequence":     text("Position in the log of the service, without gaps there. 20 digits.", "^[0-9]{20}$"),
		"ce_partitionkey": text("The key of the record: id of the order or customer, or SKU.", ""),
		"content-type":    object{"type": "string", "const": "application/json"},
		"ordo_prev":       text("Position of the event before this one in the same partition; 0 for none.", "^(0|[1-9][0-9]*)$"),
		"ordo_version":    text("Version of the stream after this event: 1, 2, 3 …", "^[1-9][0-9]*$"),
	}
	all := object{
		"ce_correlationid": optional("The same for all that follows from one request."),
		"ce_causationid":   optional("Id of the event or request right before this one."),
		"ordo_actor":       optional("Who asked for it: a subject, or a step of the process."),
		"traceparent":      optional("W3C trace context."),
		"tracestate":       optional("W3C trace context."),
	}
	maps.Copy(all, required)
	return object{"type": "object", "description": "Headers of every record.", "properties": all, "required": slices.Sorted(maps.Keys(required))}
}

// encode writes members in the order readers expect at the top, and by name below.
func encode(d object) ([]byte, error) {
	root := &yaml.Node{Kind: yaml.MappingNode}
	for _, key := range []string{"asyncapi", "info", "defaultContentType", "servers", "channels", "operations", "components"} {
		var name, value yaml.Node
		name.SetString(key)
		if err := value.Encode(d[key]); err != nil {
			return nil, err
		}
		root.Content = append(root.Content, &name, &value)
	}
	root.HeadComment = "Made by `go generate ./internal/asyncapi` from the event registry. Do not edit."
	var out bytes.Buffer
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	if err := e.Encode(root); err != nil {
		return nil, err
	}
	return out.Bytes(), e.Close()
}
