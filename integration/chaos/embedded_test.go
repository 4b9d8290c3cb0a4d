package chaos

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ordo-platform/ordo/eventstore"
	eventpg "github.com/ordo-platform/ordo/eventstore/postgres"
	"github.com/ordo-platform/ordo/integration/judge"
)

const behind = 100_000

// TestStartsFarBehind: an embedded platform is killed while a consumer is a hundred thousand events behind. The next start has an
// empty broker. It is ready within ten seconds, and refills what any consumer needs, without a gap; the consumer applies all of it.
func TestStartsFarBehind(t *testing.T) {
	onlyInFull(t)
	t.Parallel()
	w := &world{World: &judge.World{T: t}, dir: t.TempDir()}
	t.Cleanup(w.killAll)
	p := w.start(setup{embedded: true, failpoints: "consumer/before-apply:views.orderview=sleep:1h@1"})
	p.ready()
	books := judge.OpenShop(t, p.url)
	books.Place(t.Context(), p.url, "the first")
	copyFirst(t, w.runtime(p).Owners["orders"], "order-", "OrderPlaced", behind)
	p.kill()

	began := time.Now()
	p = w.start(setup{embedded: true})
	p.ready()
	took := time.Since(began)
	t.Logf("ready %s after a kill -9 with %d events behind", took.Round(10*time.Millisecond), behind)
	if took > 10*time.Second {
		t.Error("it takes more than 10 s")
	}
	found := w.runtime(p)
	w.readFrom(found)
	seen := map[int64]int{}
	await(t, "the log is on the topic", func() bool { return w.committed("orders.events") > behind })
	judge.Within(t, judge.Patience, func() bool {
		clear(seen)
		for _, records := range w.Read("orders.events") {
			for _, r := range records {
				seen[judge.Number(judge.Header(r, "ce_sequence"))]++
			}
		}
		return len(seen) > behind
	})
	for position := range int64(behind) {
		if seen[position+1] != 1 {
			t.Fatalf("event %d is %d times on the topic", position+1, seen[position+1])
		}
	}
	views := connect(t, found.Owners["views"])
	var orders, wrong int
	if !judge.Within(t, 5*judge.Patience, func() bool {
		must(t, views.QueryRow(t.Context(), "SELECT count(*), count(*) FILTER (WHERE applied <> version) FROM orderview_orders").Scan(&orders, &wrong))
		return orders > behind || wrong > 0
	}) || wrong > 0 {
		t.Errorf("the read model has %d orders, %d of them wrong", orders, wrong)
	}
}

// TestRefillHoldsTheNewest: an embedded platform starts again with nothing left to consume. Its topics hold the newest fifty
// thousand events all the same, so that people who look into them find history, and none before those.
func TestRefillHoldsTheNewest(t *testing.T) {
	onlyInFull(t)
	t.Parallel()
	const newest, registered = 50_000, 60_000
	w := &world{World: &judge.World{T: t}, dir: t.TempDir()}
	t.Cleanup(w.killAll)
	p := w.start(setup{embedded: true})
	p.ready()
	judge.OpenShop(t, p.url)
	owners := w.runtime(p).Owners
	copyFirst(t, owners["customers"], "customer-", "CustomerRegistered", registered)
	for _, reader := range []string{"views", "orders"} {
		conn := connect(t, owners[reader])
		await(t, reader+" has all customers", func() bool {
			var customers int
			must(t, conn.QueryRow(t.Context(), "SELECT count(*) FROM customerview_customers").Scan(&customers))
			return customers > registered
		})
	}
	p.kill()

	p = w.start(setup{embedded: true})
	p.ready()
	found := w.runtime(p)
	w.readFrom(found)
	customers := connect(t, found.Owners["customers"])
	var head int64
	must(t, customers.QueryRow(t.Context(), "SELECT max(position) FROM events").Scan(&head))
	var seen []int64
	await(t, "the newest event is on the topic", func() bool {
		seen = seen[:0]
		for _, records := range w.Read("customers.events") {
			for _, r := range records {
				seen = append(seen, judge.Number(judge.Header(r, "ce_sequence")))
			}
		}
		slices.Sort(seen)
		return len(seen) > 0 && seen[len(seen)-1] == head
	})
	if len(seen) != newest || seen[0] != head-newest+1 {
		t.Errorf("%d events from %d to %d are on the topic, want the newest %d", len(seen), seen[0], head, newest)
	}
}

// connect opens a database for as long as the test lasts.
func connect(t *testing.T, address string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), address)
	must(t, err)
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

// runtimeFile is what a running platform writes into its data folder.
type runtimeFile struct {
	PID    int
	Kafka  []string
	Owners map[string]string
}

func (w *world) runtime(p *child) (found runtimeFile) {
	w.T.Helper()
	await(w.T, "the process says where its parts are", func() bool {
		text, err := os.ReadFile(filepath.Join(w.dir, "place-0", "runtime.json"))
		return err == nil && json.Unmarshal(text, &found) == nil && found.PID == p.cmd.Process.Pid
	})
	return found
}

// readFrom looks into the topics of a platform's own broker from here on.
func (w *world) readFrom(platform runtimeFile) {
	w.T.Helper()
	w.Brokers = platform.Kafka
	client, err := kgo.NewClient(kgo.SeedBrokers(w.Brokers...))
	must(w.T, err)
	w.T.Cleanup(client.Close)
	w.Client = client
}

// copyFirst appends n copies of the first event of a type, each as the beginning of a stream of its own.
func copyFirst(t *testing.T, address, prefix, eventType string, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), judge.Patience)
	defer cancel()
	pool, err := pgxpool.New(ctx, address)
	must(t, err)
	defer pool.Close()
	var stream, data string
	must(t, pool.QueryRow(ctx, "SELECT stream, data::text FROM events WHERE type = $1 ORDER BY position", eventType).Scan(&stream, &data))
	id := strings.TrimPrefix(stream, prefix)
	store, err := eventpg.Open(ctx, pool, eventpg.Config{Partitions: 12})
	must(t, err)
	for range n / 1000 {
		appends := make([]eventstore.Append, 1000)
		for i := range appends {
			copied := uuid.NewString()
			appends[i].Streams = []eventstore.StreamAppend{{
				Stream: eventstore.StreamID(prefix + copied),
				Events: []eventstore.Event{{ID: eventstore.NewID(), Type: eventType, SchemaVersion: 1, Data: []byte(strings.ReplaceAll(data, id, copied))}},
			}}
		}
		must(t, pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
			_, err := store.AppendTx(ctx, tx, appends...)
			return err
		}))
	}
}
