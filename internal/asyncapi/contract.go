package asyncapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

// Contract is a document as a reader of the topics takes it: it can tell whether a record is what was promised.
type Contract struct {
	Partitions map[string]int // by topic

	carries map[string]map[string]bool // topic -> names of its messages
	headers *jsonschema.Schema
	values  map[string]*jsonschema.Schema // by name of the message
}

// Parse reads a document.
func Parse(document []byte) (*Contract, error) {
	var d struct {
		Channels map[string]struct {
			Address  string
			Messages map[string]any
			Bindings struct{ Kafka struct{ Partitions int } }
		}
	}
	var whole any
	if err := yaml.Unmarshal(document, &d); err != nil {
		return nil, err
	}
	if err := yaml.Unmarshal(document, &whole); err != nil {
		return nil, err
	}
	text, err := json.Marshal(whole)
	if err != nil {
		return nil, err
	}
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	compiler.DefaultDraft(jsonschema.Draft2020)
	if err := compiler.AddResource("document.json", parsed); err != nil {
		return nil, err
	}
	schema := func(name string) (*jsonschema.Schema, error) {
		return compiler.Compile("document.json#/components/schemas/" + name)
	}
	c := &Contract{Partitions: map[string]int{}, carries: map[string]map[string]bool{}, values: map[string]*jsonschema.Schema{}}
	if c.headers, err = schema("headers"); err != nil {
		return nil, err
	}
	for _, channel := range d.Channels {
		c.Partitions[channel.Address] = channel.Bindings.Kafka.Partitions
		c.carries[channel.Address] = map[string]bool{}
		for name := range channel.Messages {
			c.carries[channel.Address][name] = true
			if c.values[name], err = schema(name + "/schema"); err != nil {
				return nil, err
			}
		}
	}
	return c, nil
}

// Check returns what is not as promised about a record of a topic.
func (c *Contract) Check(topic string, headers map[string]string, value []byte) error {
	said := make(map[string]any, len(headers))
	for name, text := range headers {
		said[name] = text
	}
	if err := c.headers.Validate(said); err != nil {
		return fmt.Errorf("headers: %w", err)
	}
	message := headers["ce_type"] + "." + path.Base(headers["ce_dataschema"])
	if !c.carries[topic][message] {
		return fmt.Errorf("%s does not carry %s", topic, message)
	}
	if want := "/" + strings.TrimSuffix(topic, ".events"); headers["ce_source"] != want {
		return fmt.Errorf("source %s, should be %s", headers["ce_source"], want)
	}
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(value))
	if err != nil {
		return fmt.Errorf("value: %w", err)
	}
	if err := c.values[message].Validate(parsed); err != nil {
		return fmt.Errorf("value: %w", err)
	}
	return nil
}
