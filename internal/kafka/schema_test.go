package kafka_test

import (
	"encoding/json"
	"testing"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/kafka"
	"github.com/ordo-platform/ordo/schemas"
)

// TestDataSchema: the schema that a record names is the one we publish for its type and version.
func TestDataSchema(t *testing.T) {
	t.Parallel()
	for _, known := range schemas.Types() {
		file, err := schemas.Schema(known.Name, known.Version)
		if err != nil {
			t.Fatal(err)
		}
		var schema struct {
			ID string `json:"$id"`
		}
		if err := json.Unmarshal(file, &schema); err != nil {
			t.Fatal(err)
		}
		record := kafka.Record("orders", eventstore.Recorded{Event: eventstore.Event{Type: known.Name, SchemaVersion: known.Version}})
		for _, h := range record.Headers {
			if h.Key == "ce_dataschema" && string(h.Value) != schema.ID {
				t.Errorf("%s v%d: the record names %s, the schema is %s", known.Name, known.Version, h.Value, schema.ID)
			}
		}
	}
}
