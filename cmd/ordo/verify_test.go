package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ordo-platform/ordo/eventstore"
	eventpg "github.com/ordo-platform/ordo/eventstore/postgres"
	"github.com/ordo-platform/ordo/internal/kafka"
	"github.com/ordo-platform/ordo/internal/postgres"
	"github.com/ordo-platform/ordo/internal/testenv"
)

// logOf fills a new log with single events and makes the command line find it as that of a service.
func logOf(t *testing.T, service string, events int) (*eventpg.Store, *pgxpool.Pool) {
	t.Helper()
	url := testenv.Postgres(t)
	pool, err := postgres.Open(t.Context(), url, 4)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	if err := postgres.Migrate(t.Context(), pool, "eventstore", eventpg.Migrations()); err != nil {
		t.Fatal(err)
	}
	store, err := eventpg.Open(t.Context(), pool, eventpg.Config{UnsafeDurability: true})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- store.Run(ctx) }()
	for range events {
		appendOne(t, store)
	}
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Setenv(databaseOf(service), url)
	return store, pool
}

func appendOne(t *testing.T, store *eventpg.Store) {
	t.Helper()
	_, err := store.Append(t.Context(), eventstore.Append{Streams: []eventstore.StreamAppend{{
		Stream: "order-1", Expected: eventstore.AnyVersion, Events: []eventstore.Event{
			{ID: eventstore.NewID(), Type: "OrderPlaced", SchemaVersion: 1, Data: []byte(`{"n":1}`)},
		},
	}}})
	if err != nil {
		t.Fatal(err)
	}
}

func execAll(t *testing.T, pool *pgxpool.Pool, sql string) {
	t.Helper()
	if _, err := pool.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

// verifyJSON runs ordo verify -o json and returns what it says about the services.
func verifyJSON(t *testing.T, exit int, args ...string) map[string]verified {
	t.Helper()
	got := ordo(t.Context(), append([]string{"verify", "-o", "json"}, args...)...)
	if got.exit != exit {
		t.Fatalf("verify %v: %+v", args, got)
	}
	var answer struct{ Services []verified }
	if err := json.Unmarshal([]byte(got.out), &answer); err != nil {
		t.Fatal(err)
	}
	services := map[string]verified{}
	for _, v := range answer.Services {
		services[v.Service] = v
	}
	return services
}

func TestVerify(t *testing.T) {
	t.Setenv("ORDO_DATA_DIR", t.TempDir())
	if got := ordo(t.Context(), "verify", "orders"); got.exit != exitUnreachable || !strings.Contains(got.err, "ORDO_ORDERS_DATABASE_URL") {
		t.Errorf("without a database: %+v", got)
	}
	_, orders := logOf(t, "orders", 3)
	logOf(t, "payments", 2)

	got := ordo(t.Context(), "verify")
	if got.exit != exitOK || !strings.Contains(got.err, "inventory") || strings.Contains(got.err, "orders") {
		t.Errorf("not all services were known: %+v", got)
	}
	for _, want := range []string{"orders    ok      3", "payments  ok      2"} {
		if !strings.Contains(got.out, want) {
			t.Errorf("%q is not in\n%s", want, got.out)
		}
	}
	if v := verifyJSON(t, exitOK, "orders", "--from", "3"); len(v) != 1 || v["orders"].Events != 1 || v["orders"].Head.Position != 3 {
		t.Errorf("%+v", v)
	}

	if got := ordo(t.Context(), "verify", "orders", "--from", "4"); got.exit != exitUsage || !strings.Contains(got.err, "which is 3") {
		t.Errorf("from behind the end: %+v", got)
	}
	execAll(t, orders, `ALTER TABLE events DISABLE TRIGGER ALL; UPDATE events SET data = '{"n":2}' WHERE position = 2`)
	v := verifyJSON(t, exitCheck)
	if f := v["orders"].Finding; v["orders"].Status != "differs" || f == nil || f.Kind != eventpg.BytesChanged || f.First != 2 || f.Last != 2 {
		t.Errorf("orders: %+v", v["orders"])
	}
	if v["payments"].Status != "ok" || v["payments"].Finding != nil {
		t.Errorf("payments: %+v", v["payments"])
	}
	got = ordo(t.Context(), "verify", "orders")
	if !strings.Contains(got.out, "bytes_changed, position 2: the event is not what was committed") || !strings.Contains(got.err, "[log_differs, exit 6]") {
		t.Errorf("%+v", got)
	}
}

func TestVerifyHeads(t *testing.T) {
	t.Setenv("ORDO_DATA_DIR", t.TempDir())
	store, orders := logOf(t, "orders", 3)
	logOf(t, "payments", 0)
	file := filepath.Join(t.TempDir(), "heads.jsonl")

	verifyJSON(t, exitOK, "--write-heads", file)
	appendOne(t, store)
	v := verifyJSON(t, exitOK, "--write-heads", file, "--heads", file)
	if v["orders"].Heads != 1 || v["payments"].Heads != 0 {
		t.Errorf("%+v", v)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	heads, err := parseHeads(strings.NewReader(string(text)))
	if err != nil || len(heads) != 1 || len(heads["orders"]) != 2 || heads["orders"][1] != v["orders"].Head {
		t.Errorf("heads %v, %v in\n%s", heads, err, text)
	}
	if v := verifyJSON(t, exitOK, "--heads", file); v["orders"].Heads != 2 {
		t.Errorf("%+v", v)
	}
	logOf(t, "catalog", 1)
	if got := ordo(t.Context(), "verify", "--heads", file); got.exit != exitOK || !strings.Contains(got.err, "catalog: there is no head") || strings.Contains(got.err, "payments: there") {
		t.Errorf("without a head: %+v", got)
	}

	// Someone cuts off the last event, and leaves a log that is in order.
	execAll(t, orders, `ALTER TABLE events DISABLE TRIGGER ALL; ALTER TABLE log_commits DISABLE TRIGGER ALL;
		DELETE FROM events WHERE position = 4; DELETE FROM log_commits WHERE last = 4;
		UPDATE log_head SET position = 3, linked = 3, link = (SELECT link FROM log_commits WHERE last = 3),
		    tails = (SELECT array_agg(CASE WHEN t = 4 THEN 3 ELSE t END ORDER BY n) FROM unnest(tails) WITH ORDINALITY AS u (t, n))`)
	verifyJSON(t, exitOK)
	v = verifyJSON(t, exitCheck, "orders", "--heads", file, "--write-heads", file)
	if f := v["orders"].Finding; f == nil || f.Kind != eventpg.TailCut || f.First != 4 {
		t.Errorf("%+v", v["orders"])
	}
	if after, err := os.ReadFile(file); err != nil || string(after) != string(text) {
		t.Errorf("a head of a log that differs was written: %s, %v", after, err)
	}
}

func TestHeadsFile(t *testing.T) {
	t.Setenv("ORDO_DATA_DIR", t.TempDir())
	logOf(t, "orders", 1)
	file := filepath.Join(t.TempDir(), "heads.jsonl")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	hash := eventstore.Hash{}.String()
	for text, want := range map[string]string{
		"{}":                                            "line 1: service is missing",
		`{"service":"orders"}`:                          "line 1: position is missing",
		`{"service":"orders","position":-1}`:            "line 1: position is missing or negative",
		`{"service":"orders","position":1}`:             "line 1: hash is missing",
		"\n" + `{"service":"orders","positi`:            "line 2: ",
		`{"service":"orders","position":"1"}`:           "line 1: ",
		`{"service":"orders","position":1,"hash":"00"}`: "line 1: ",
	} {
		write(text)
		if got := ordo(t.Context(), "verify", "--heads", file); got.exit != exitUsage || !strings.Contains(got.err, want) || got.out != "" {
			t.Errorf("%s: %+v", text, got)
		}
	}
	// A line that was never finished does not swallow the one behind it.
	write(`{"service":"orders","position":0,"hash":"` + hash + `"}`)
	verifyJSON(t, exitOK, "--write-heads", file)
	if v := verifyJSON(t, exitOK, "--heads", file); v["orders"].Heads != 2 {
		t.Errorf("%+v", v)
	}
	if got := ordo(t.Context(), "verify", "--heads", file+".none"); got.exit != exitNotFound || !strings.Contains(got.err, "--write-heads") {
		t.Errorf("no file: %+v", got)
	}
}

func TestVerifyPublishedHeads(t *testing.T) {
	t.Setenv("ORDO_DATA_DIR", t.TempDir())
	store, _ := logOf(t, "orders", 2)
	if got := ordo(t.Context(), "verify", "--heads", "kafka"); got.exit != exitUnreachable || !strings.Contains(got.err, "ORDO_KAFKA_BROKERS") {
		t.Errorf("without brokers: %+v", got)
	}
	brokers := testenv.Kafka(t)
	t.Setenv("ORDO_KAFKA_BROKERS", strings.Join(brokers, ","))
	client, err := kafka.Config{Brokers: brokers}.NewClient()
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if got := ordo(t.Context(), "verify", "--heads", "kafka"); got.exit != exitOK || !strings.Contains(got.err, "no head of this service") {
		t.Errorf("without a checkpoint: %+v", got)
	}
	link, err := store.LinkAt(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	if err := kafka.EnsureTopics(t.Context(), client, kafka.RelayTopicSpec("orders", 1)); err != nil {
		t.Fatal(err)
	}
	publish := func(chain eventstore.Link) {
		t.Helper()
		record := kafka.CheckpointRecord("orders", kafka.Checkpoint{Position: 2, Tails: []eventstore.Position{2}, Chain: chain})
		if err := client.ProduceSync(t.Context(), record).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	publish(link)
	if v := verifyJSON(t, exitOK, "--heads", "kafka"); v["orders"].Heads != 1 {
		t.Errorf("%+v", v)
	}
	publish(eventstore.Link{Position: 2})
	if f := verifyJSON(t, exitCheck, "--heads", "kafka")["orders"].Finding; f == nil || f.Kind != eventpg.ChainRewritten {
		t.Errorf("%+v", f)
	}
}

func TestVerifyUsage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"verify", "order"},
		{"verify", "views"},
		{"verify", "--from", "2"},
		{"verify", "orders", "--from", "0"},
		{"verify", "orders", "payments", "--from", "2"},
		{"verify", "--heads="},
		{"verify", "--write-heads="},
	} {
		if got := ordo(t.Context(), args...); got.exit != exitUsage {
			t.Errorf("%v: %+v", args, got)
		}
	}
}
