package kafka_test

import (
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/kafka"
)

func placed() eventstore.Recorded {
	return eventstore.Recorded{
		Event: eventstore.Event{
			ID:            uuid.MustParse("0198c7a2-1111-7000-8000-000000000001"),
			Type:          "OrderPlaced",
			SchemaVersion: 2,
			Data:          []byte(`{"total":1990}`),
			Metadata: eventstore.Metadata{
				CorrelationID: "c-1", CausationID: "r-1", Actor: "customer 7",
				TraceParent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", TraceState: "a=b",
			},
		},
		Stream:     "order-0198c7a2-0000-7000-8000-000000000000",
		Version:    3,
		Position:   42,
		RecordedAt: time.Date(2026, 11, 23, 16, 0, 0, 123456000, time.UTC),
		Partition:  7,
		Prev:       40,
	}
}

func TestRecordOnTheWire(t *testing.T) {
	t.Parallel()
	r := kafka.Record("orders", placed())
	want := []kgo.RecordHeader{
		{Key: "ce_id", Value: []byte("0198c7a2-1111-7000-8000-000000000001")},
		{Key: "ce_source", Value: []byte("/orders")},
		{Key: "ce_type", Value: []byte("OrderPlaced")},
		{Key: "ce_specversion", Value: []byte("1.0")},
		{Key: "ce_time", Value: []byte("2026-11-23T16:00:00.123456Z")},
		{Key: "ce_subject", Value: []byte("order-0198c7a2-0000-7000-8000-000000000000")},
		{Key: "ce_dataschema", Value: []byte("https://ordo-platform.github.io/schemas/OrderPlaced/v2")},
		{Key: "content-type", Value: []byte("application/json")},
		{Key: "ce_sequence", Value: []byte("00000000000000000042")},
		{Key: "ce_partitionkey", Value: []byte("0198c7a2-0000-7000-8000-000000000000")},
		{Key: "ordo_prev", Value: []byte("40")},
		{Key: "ordo_version", Value: []byte("3")},
		{Key: "ce_correlationid", Value: []byte("c-1")},
		{Key: "ce_causationid", Value: []byte("r-1")},
		{Key: "ordo_actor", Value: []byte("customer 7")},
		{Key: "traceparent", Value: []byte("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")},
		{Key: "tracestate", Value: []byte("a=b")},
	}
	if !reflect.DeepEqual(r.Headers, want) {
		t.Errorf("headers:\n got %s\nwant %s", r.Headers, want)
	}
	if r.Topic != "orders.events" || r.Partition != 7 || string(r.Key) != "0198c7a2-0000-7000-8000-000000000000" || string(r.Value) != `{"total":1990}` {
		t.Errorf("record: %s/%d %s %s", r.Topic, r.Partition, r.Key, r.Value)
	}
	if again := kafka.Record("orders", placed()); !reflect.DeepEqual(r, again) {
		t.Error("the same event gave another record")
	}
}

func TestParseIsTheInverse(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*eventstore.Recorded){
		"all set":     func(*eventstore.Recorded) {},
		"no metadata": func(e *eventstore.Recorded) { e.Metadata = eventstore.Metadata{} },
		"first":       func(e *eventstore.Recorded) { e.Prev, e.Position, e.Version = 0, 1, 1 },
		"last":        func(e *eventstore.Recorded) { e.Position = 1<<63 - 1 },
		"key with dashes and unicode": func(e *eventstore.Recorded) {
			e.Stream = "stock-MUG-1-é"
		},
		"largest": func(e *eventstore.Recorded) {
			e.Data = slices.Repeat([]byte("x"), eventstore.MaxEventBytes)
			e.Metadata.Actor = string(slices.Repeat([]byte("a"), eventstore.MaxMetadataBytes))
			e.Stream = eventstore.StreamID("s-" + string(slices.Repeat([]byte("k"), eventstore.MaxStreamBytes-2)))
			e.Type = string(slices.Repeat([]byte("T"), eventstore.MaxTypeBytes))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := placed()
			change(&want)
			service, got, err := kafka.Parse(kafka.Record("orders", want))
			if err != nil {
				t.Fatal(err)
			}
			if service != "orders" || !reflect.DeepEqual(got, want) {
				t.Errorf("service %q\n got %+v\nwant %+v", service, got, want)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	set := func(name, value string) func(*kgo.Record) {
		return func(r *kgo.Record) {
			i := slices.IndexFunc(r.Headers, func(h kgo.RecordHeader) bool { return h.Key == name })
			r.Headers[i].Value = []byte(value)
		}
	}
	type breakage struct {
		field string
		do    func(*kgo.Record)
	}
	cases := map[string]breakage{
		"null key":             {"key", func(r *kgo.Record) { r.Key = nil }},
		"key of another order": {"key", func(r *kgo.Record) { r.Key = []byte("other") }},
		"null value":           {"value", func(r *kgo.Record) { r.Value = nil }},
		"value too large":      {"value", func(r *kgo.Record) { r.Value = make([]byte, eventstore.MaxEventBytes+1) }},
		"repeated header":      {"ce_id", func(r *kgo.Record) { r.Headers = append(r.Headers, r.Headers[0]) }},
		"repeated unknown header": {"x", func(r *kgo.Record) {
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: "x"}, kgo.RecordHeader{Key: "x"})
		}},
		"headers too large": {"headers", func(r *kgo.Record) {
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: "x", Value: make([]byte, 1<<20)})
		}},
		"topic":                    {"topic", func(r *kgo.Record) { r.Topic = "orders" }},
		"other service's topic":    {"ce_source", func(r *kgo.Record) { r.Topic = "payments.events" }},
		"id":                       {"ce_id", set("ce_id", "7")},
		"id in another spelling":   {"ce_id", set("ce_id", "0198C7A2-1111-7000-8000-000000000001")},
		"spec version":             {"ce_specversion", set("ce_specversion", "0.3")},
		"content type":             {"content-type", set("content-type", "text/plain")},
		"time":                     {"ce_time", set("ce_time", "yesterday")},
		"schema of another type":   {"ce_dataschema", set("ce_dataschema", "https://ordo-platform.github.io/schemas/OrderShipped/v2")},
		"schema version 0":         {"ce_dataschema", set("ce_dataschema", "https://ordo-platform.github.io/schemas/OrderPlaced/v0")},
		"schema version 02":        {"ce_dataschema", set("ce_dataschema", "https://ordo-platform.github.io/schemas/OrderPlaced/v02")},
		"short sequence":           {"ce_sequence", set("ce_sequence", "42")},
		"negative sequence":        {"ce_sequence", set("ce_sequence", "-0000000000000000042")},
		"sequence 0":               {"ce_sequence", set("ce_sequence", "00000000000000000000")},
		"sequence over 63 bits":    {"ce_sequence", set("ce_sequence", "09223372036854775808")},
		"prev not before position": {"ordo_prev", set("ordo_prev", "42")},
		"negative prev":            {"ordo_prev", set("ordo_prev", "-1")},
		"signed prev":              {"ordo_prev", set("ordo_prev", "+40")},
		"version 0":                {"ordo_version", set("ordo_version", "0")},
		"stream without category":  {"ce_subject", set("ce_subject", "-0198c7a2-0000-7000-8000-000000000000")},
		"stream without key":       {"ce_subject", set("ce_subject", "order")},
		"partition key":            {"ce_partitionkey", set("ce_partitionkey", "other")},
	}
	for _, h := range kafka.Record("orders", placed()).Headers[:12] {
		cases["no "+h.Key] = breakage{h.Key, func(r *kgo.Record) {
			r.Headers = slices.DeleteFunc(r.Headers, func(other kgo.RecordHeader) bool { return other.Key == h.Key })
		}}
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := kafka.Record("orders", placed())
			c.do(r)
			_, _, err := kafka.Parse(r)
			var bad *kafka.BadEnvelopeError
			if !errors.As(err, &bad) {
				t.Fatalf("got %v, want a BadEnvelopeError", err)
			}
			if bad.Field != c.field {
				t.Errorf("blamed %q, want %q: %v", bad.Field, c.field, err)
			}
		})
	}
}

func TestParseLeavesOutUnknownHeaders(t *testing.T) {
	t.Parallel()
	r := kafka.Record("orders", placed())
	r.Headers = append(r.Headers, kgo.RecordHeader{Key: "ce_tenant", Value: []byte("x")})
	if _, _, err := kafka.Parse(r); err != nil {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("k"), []byte("{}"), "ce_id", []byte("1"))
	f.Fuzz(func(t *testing.T, key, value []byte, header string, headerValue []byte) {
		r := kafka.Record("orders", placed())
		r.Key, r.Value = key, value
		for i := range r.Headers {
			if r.Headers[i].Key == header {
				r.Headers[i].Value = headerValue
			}
		}
		_, e, err := kafka.Parse(r)
		if err != nil {
			if _, ok := errors.AsType[*kafka.BadEnvelopeError](err); !ok {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		if _, again, err := kafka.Parse(kafka.Record("orders", e)); err != nil || !reflect.DeepEqual(e, again) {
			t.Fatalf("accepted, but not what Record makes: %v\n%+v\n%+v", err, e, again)
		}
	})
}

func TestCheckpointRoundTrip(t *testing.T) {
	t.Parallel()
	want := kafka.Checkpoint{
		Position: 9, Tails: []eventstore.Position{0, 9, 8}, Epoch: 4, Generation: "g",
		Chain: eventstore.Link{Position: 8, Hash: eventstore.Hash{1, 2}},
	}
	r := kafka.CheckpointRecord("orders", want)
	if r.Topic != "orders.relay" || string(r.Key) != "orders" {
		t.Errorf("record %s %s", r.Topic, r.Key)
	}
	service, got, err := kafka.ParseCheckpoint(r)
	if err != nil || service != "orders" || !reflect.DeepEqual(got, want) {
		t.Errorf("%s %+v %v", service, got, err)
	}
	for _, value := range []string{"", "{}", "null", `{"position":-1,"tails":[1]}`, `{"position":1,"tails":[]}`, `{"position":"1"}`} {
		r.Value = []byte(value)
		if _, _, err := kafka.ParseCheckpoint(r); err == nil {
			t.Errorf("accepted %s", value)
		}
	}
}
