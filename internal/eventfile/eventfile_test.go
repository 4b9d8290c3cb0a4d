package eventfile_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/eventfile"
)

func event() eventfile.Event {
	return eventfile.Event{
		Service: "orders", Position: 41, Stream: "order-1", Version: 2,
		ID: uuid.MustParse("0198c7a2-5b1e-7000-8000-000000000001"), Type: "OrderPlaced", SchemaVersion: 1,
		RecordedAt: time.Date(2026, 11, 25, 3, 13, 40, 120_000_000, time.UTC),
		Data:       []byte(`{"total": {"amount":9007199254740993}}`), Metadata: []byte(`{}`),
	}
}

const line = `{"service":"orders","position":41,"stream":"order-1","version":2,"id":"0198c7a2-5b1e-7000-8000-000000000001",` +
	`"type":"OrderPlaced","schema_version":1,"recorded_at":"2026-11-25T03:13:40.120000Z","data":{"total": {"amount":9007199254740993}},"metadata":{}}` + "\n"

// TestLine pins the shape: scripts and files rely on it.
func TestLine(t *testing.T) {
	t.Parallel()
	if got := string(eventfile.Append(nil, event())); got != line {
		t.Errorf("got  %swant %s", got, line)
	}
}

// TestEveryByteComesBack: whatever JSON object a store may hold.
func TestEveryByteComesBack(t *testing.T) {
	t.Parallel()
	var p eventfile.Parser
	check := func(t rapid.TB, e eventfile.Event) {
		written := eventfile.Append(nil, e)
		if bytes.IndexByte(written, '\n') != len(written)-1 || bytes.IndexByte(written, '\r') >= 0 {
			t.Fatalf("not one line: %q", written)
		}
		got, err := p.Parse(written)
		if err != nil || !reflect.DeepEqual(got, e) {
			t.Fatalf("%s\ngot  %+v, %v\nwant %+v", written, got, err, e)
		}
	}
	for _, data := range []string{
		`{}`, ` {"a":1}`, "{\n  \"a\": 1\r\n}", "{}\n", `{"a":1,"a":2}`, `{"a":"\ud800"}`, `{"a":"é\u00e9\u2028 "}`, `{"a":1e400}`,
	} {
		e := event()
		e.Data = []byte(data)
		check(t, e)
		e.Metadata = []byte(data)
		check(t, e)
	}
	rapid.Check(t, func(t *rapid.T) {
		e := event()
		e.Stream = eventstore.StreamID(rapid.String().Draw(t, "stream"))
		e.Type = rapid.String().Draw(t, "type")
		e.RecordedAt = time.UnixMicro(rapid.Int64Range(0, 4e15).Draw(t, "at")).UTC()
		check(t, e)
	})
}

func TestBadLines(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ old, bad, want string }{
		{line, "", "not JSON"},
		{line, "[]", "not a JSON object"},
		{line, `{"service":"orders"`, "not JSON"},
		{`"orders"`, `"orders`, "not JSON"},
		{"}\n", "} x\n", "something follows"},
		{`"order-1"`, "\"\xff\"", "not valid UTF-8"},
		{`"version":2,`, ``, `"version" is missing`},
		{`"version":2,`, `"version":2,"version":2,`, `"version" is there twice`},
		{`"version":2`, `"Version":2`, `"Version" is not a member`},
		{`"version":2`, `"version":0`, `"version" is not a whole number of at least 1`},
		{`"version":2`, `"version":2.0`, `"version" is not a whole number`},
		{`"version":2`, `"version":"2"`, `"version" is not a whole number`},
		{`"version":2`, `"version":9223372036854775808`, `"version" is not a whole number`},
		{`"order-1"`, `7`, `"stream" is not a string`},
		{`"order-1"`, `"\ud800"`, `"stream" has characters that are none`},
		{`"0198c7a2-5b1e-7000-8000-000000000001"`, `"0198c7a25b1e70008000000000000001"`, `"id" is not a UUID`},
		{`2026-11-25T03:13:40.120000Z`, `yesterday`, `"recorded_at" is not a time`},
		{`"metadata":{}`, `"metadata":[]`, `"metadata" is not a JSON object`},
		{`"metadata":{}`, `"metadata":{},"metadata_text":"{}"`, `"metadata_text" is there twice`},
	} {
		var p eventfile.Parser
		bad := strings.Replace(line, c.old, c.bad, 1)
		if e, err := p.Parse([]byte(bad)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s\ngot %+v, %v; want %s", bad, e, err, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(line))
	f.Add([]byte(`{"data_text":"{\n}"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var p eventfile.Parser
		e, err := p.Parse(text)
		if err != nil {
			return
		}
		again, err := p.Parse(eventfile.Append(nil, e))
		e.RecordedAt = e.RecordedAt.Truncate(time.Microsecond)
		if err != nil || !reflect.DeepEqual(again, e) {
			t.Errorf("%+v came back as %+v, %v", e, again, err)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	var p eventfile.Parser
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Parse([]byte(line)); err != nil {
			b.Fatal(err)
		}
	}
}
