package logapi_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"
	"time"

	"github.com/ordo-platform/ordo/eventstore"
	eventpg "github.com/ordo-platform/ordo/eventstore/postgres"
	"github.com/ordo-platform/ordo/internal/logapi"
)

type fakeLog struct {
	events []eventstore.Recorded
	asked  []any
	err    error
}

func (l *fakeLog) ReadPartition(_ context.Context, partition int32, after, upTo eventstore.Position, limit int) ([]eventstore.Recorded, error) {
	l.asked = []any{partition, after, upTo, limit}
	return l.events, l.err
}

func (l *fakeLog) Unseen(_ context.Context, seen []eventstore.Position) (eventstore.Unseen, error) {
	l.asked = []any{seen}
	return eventstore.Unseen{Head: 90, Events: 3, First: 17, Oldest: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)}, l.err
}

func (l *fakeLog) ReadStream(_ context.Context, stream eventstore.StreamID, after eventstore.Version, limit int) ([]eventstore.Recorded, error) {
	l.asked = append(l.asked, stream, after, limit)
	return l.events[min(int(after), len(l.events)):min(int(after)+limit, len(l.events))], l.err
}

func (l *fakeLog) Task(_ context.Context, kind, key string) (eventpg.PendingTask, bool, error) {
	l.asked = []any{kind, key}
	return eventpg.PendingTask{Attempt: 2, Due: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC), LastError: "no answer"}, key != "none", l.err
}

// A stream that is longer than an answer comes whole, a task as it is.
func TestStreamsAndTasksOverHTTP(t *testing.T) {
	t.Parallel()
	log := &fakeLog{events: make([]eventstore.Recorded, 1200)}
	for i := range log.events {
		log.events[i] = eventstore.Recorded{Stream: "order-1", Version: eventstore.Version(i + 1), Event: eventstore.Event{Data: []byte("{}")}}
	}
	server := httptest.NewServer(logapi.Handler(map[string]logapi.Log{"orders": log}, slog.New(slog.DiscardHandler)))
	t.Cleanup(server.Close)
	client, err := logapi.NewClient(server.URL, "orders")
	if err != nil {
		t.Fatal(err)
	}
	for limit, want := range map[int]int{0: 1200, 7: 7, 500: 500, 1001: 1001} {
		events, err := client.ReadStream(t.Context(), "order-1", 0, limit)
		if err != nil || len(events) != want || events[want-1].Version != eventstore.Version(want) {
			t.Errorf("limit %d: %d events, %v", limit, len(events), err)
		}
	}
	if events, err := client.ReadStream(t.Context(), "order-1", 1195, 0); err != nil || len(events) != 5 {
		t.Errorf("from 1195: %d events, %v", len(events), err)
	}
	task, found, err := client.Task(t.Context(), "call", "o-1")
	if want, _, _ := log.Task(t.Context(), "call", "o-1"); err != nil || !found || task != want {
		t.Errorf("task %+v, %v, %v", task, found, err)
	}
	if _, found, err := client.Task(t.Context(), "call", "none"); err != nil || found {
		t.Errorf("no task: %v, %v", found, err)
	}
	for _, query := range []string{"stream?service=orders&after=0&limit=1", "stream?service=orders&stream=a&after=0&limit=501", "task?service=orders&kind=a"} {
		answer, err := http.Get(server.URL + "/internal/v1/log/" + query)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: status %d", query, answer.StatusCode)
		}
	}
}

// What is read over HTTP is what the log has, to the byte.
func TestReadOverHTTP(t *testing.T) {
	t.Parallel()
	log := &fakeLog{events: []eventstore.Recorded{{
		Event: eventstore.Event{
			ID: eventstore.NewID(), Type: "OrderPlaced", SchemaVersion: 2, Data: []byte("{ \"a\":\t\"<&\u2028\" }"),
			Metadata: eventstore.Metadata{CorrelationID: "c", Actor: "step:x"},
		},
		Stream: "order-1", Version: 3, Position: 17, RecordedAt: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC), Partition: 4, Prev: 11,
	}}}
	server := httptest.NewServer(logapi.Handler(map[string]logapi.Log{"orders": log}, slog.New(slog.DiscardHandler)))
	t.Cleanup(server.Close)
	client, err := logapi.NewClient(server.URL, "orders")
	if err != nil {
		t.Fatal(err)
	}
	events, err := client.ReadPartition(t.Context(), 4, 11, 20, 1<<20)
	if err != nil || !reflect.DeepEqual(events, log.events) {
		t.Errorf("read %+v, %v", events, err)
	}
	if want := []any{int32(4), eventstore.Position(11), eventstore.Position(20), 500}; !reflect.DeepEqual(log.asked, want) {
		t.Errorf("asked for %v, want %v", log.asked, want)
	}
	unseen, err := client.Unseen(t.Context(), []eventstore.Position{17, 0, 12})
	if want, _ := log.Unseen(t.Context(), []eventstore.Position{17, 0, 12}); err != nil || unseen != want {
		t.Errorf("unseen %+v, %v", unseen, err)
	}
	log.err = errors.New("secret address of the database")
	var status *logapi.StatusError
	if _, err := client.ReadPartition(t.Context(), 4, 11, 20, 1); !errors.As(err, &status) || status.Status != http.StatusServiceUnavailable || status.Detail != "the log cannot be read now" {
		t.Errorf("error %v", err)
	}
	other, err := logapi.NewClient(server.URL, "payments")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Unseen(t.Context(), nil); !errors.As(err, &status) || status.Status != http.StatusNotFound {
		t.Errorf("unknown service: %v", err)
	}
}

func TestBadParameters(t *testing.T) {
	t.Parallel()
	handler := logapi.Handler(map[string]logapi.Log{"orders": &fakeLog{}}, slog.New(slog.DiscardHandler))
	for query, want := range map[string]int{
		"/internal/v1/log?service=orders&from=1&to=9&partition=0&limit=5":                     200,
		"/internal/v1/log?service=orders&from=0&to=9&partition=0&limit=5":                     400,
		"/internal/v1/log?service=orders&from=1&to=9&partition=0":                             400,
		"/internal/v1/log?service=orders&from=1&to=x&partition=0&limit=5":                     400,
		"/internal/v1/log?service=orders&from=1&from=2&to=9&partition=0&limit=5":              400,
		"/internal/v1/log?service=orders&from=1&to=9&partition=-1&limit=5":                    400,
		"/internal/v1/log?service=orders&from=1&to=9&partition=4294967297&limit=5":            400,
		"/internal/v1/log?service=orders&from=1&to=9&partition=0&limit=501":                   400,
		"/internal/v1/log?service=orders&from=1&to=9223372036854775808&partition=0&limit=501": 400,
		"/internal/v1/log/unseen?service=orders":                                              200,
		"/internal/v1/log/unseen?service=orders&seen=1,-1":                                    400,
		"/internal/v1/log/unseen?service=orders&seen=1,":                                      400,
		"/internal/v1/log?from=1&to=9&partition=0&limit=5":                                    404,
	} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, query, http.NoBody))
		if w.Code != want {
			t.Errorf("%s: %d %s, want %d", query, w.Code, w.Body, want)
		}
	}
	for _, address := range []string{"", "10.0.0.7:9080", "ftp://x", "http://x?y"} {
		if _, err := logapi.NewClient(address, "orders"); err == nil {
			t.Errorf("address %q is taken", address)
		}
	}
}
