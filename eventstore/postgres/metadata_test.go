package postgres

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"

	"github.com/ordo-platform/ordo/eventstore"
)

// TestDecodeMetadata: the short way and encoding/json agree on everything that is valid JSON.
func TestDecodeMetadata(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{}`,
		` {} `,
		`{"correlation_id":"c"}`,
		`{"actor":"a","correlation_id":"c","traceparent":"p","tracestate":"a=1,b=2","causation_id":"x"}`,
		`{"actor":"a","actor":"b"}`,
		`{"actor":""}`,
		`{"actor":null,"correlation_id":"c"}`,
		`{"note":1,"actor":"a"}`,
		`{"note":{"actor":"inner"},"actor":"outer"}`,
		`{"Actor":"other case"}`,
		`{ "actor" : "a" }`,
		`{"actor":"a" ,"correlation_id":"c"}`,
		`{"actor":"say \"hi\""}`,
		`{"actor":"\u00e9\\"}`,
		`{"actor":"{\"actor\":\"b\"}"}`,
		`{"actor":"a:b,c}"}`,
	} {
		checkMetadata(t, []byte(text))
	}
}

func TestDecodeMetadataOfAnyKind(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.Rune().Filter(func(r rune) bool { return r != 0 })) // which is refused
		given := eventstore.Metadata{
			CorrelationID: text.Draw(t, "correlation"),
			CausationID:   text.Draw(t, "causation"),
			Actor:         text.Draw(t, "actor"),
			TraceParent:   text.Draw(t, "parent"),
			TraceState:    text.Draw(t, "state"),
		}
		stored, err := encodeMetadata("order-1", given)
		if err != nil {
			t.Fatal(err)
		}
		checkMetadata(t, stored)
		if got, err := decodeMetadata(stored); got != given {
			t.Fatalf("%s: got %+v, %v; want %+v", stored, got, err, given)
		}
	})
}

func checkMetadata(t rapid.TB, text []byte) {
	t.Helper()
	var want eventstore.Metadata
	wantErr := json.Unmarshal(text, &want)
	got, err := decodeMetadata(text)
	if got != want || (err == nil) != (wantErr == nil) {
		t.Fatalf("%s: got %+v, %v; want %+v, %v", text, got, err, want, wantErr)
	}
}

// TestDecodeMetadataReports: what is not metadata at all is an error.
func TestDecodeMetadataReports(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`[]`, `{"actor":1}`} {
		if m, err := decodeMetadata([]byte(text)); err == nil {
			t.Errorf("%s: %+v", text, m)
		}
	}
}
