package chaos

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
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
	if !full() {
		t.Skip("fills a log; with ORDO_CHAOS=full")
	}
	t.Parallel()
	w := &world{World: &judge.World{T: t}, dir: t.TempDir()}
	t.Cleanup(w.killAll)
	p := w.start(setup{embedded: true, failpoints: "consumer/before-apply:views.orderview=sleep:1h@1"})
	p.ready()
	books := judge.OpenShop(t, p.url)
	books.Place(t.Context(), p.url, "the first")
	fillOrders(t, w.runtime(p).Owners["orders"])
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
	w.Brokers = found.Kafka
	var err error
	if w.Client, err = kgo.NewClient(kgo.SeedBrokers(w.Brokers...)); err != nil {
		t.Fatal(err)
	}
	defer w.Client.Close()
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
	views, err := pgx.Connect(t.Context(), found.Owners["views"])
	must(t, err)
	defer func() { _ = views.Close(context.WithoutCancel(t.Context())) }()
	var orders, wrong int
	if !judge.Within(t, 5*judge.Patience, func() bool {
		must(t, views.QueryRow(t.Context(), "SELECT count(*), count(*) FILTER (WHERE applied <> version) FROM orderview_orders").Scan(&orders, &wrong))
		return orders > behind || wrong > 0
	}) || wrong > 0 {
		t.Errorf("the read model has %d orders, %d of them wrong", orders, wrong)
	}
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

// fillOrders appends copies of the first order, each as an order of its own.
func fillOrders(t *testing.T, address string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), judge.Patience)
	defer cancel()
	pool, err := pgxpool.New(ctx, address)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	var stream, data string
	if err := pool.QueryRow(ctx, "SELECT stream, data::text FROM events WHERE type = 'OrderPlaced'").Scan(&stream, &data); err != nil {
		t.Fatal(err)
	}
	id := strings.TrimPrefix(stream, "order-")
	store, err := eventpg.Open(ctx, pool, eventpg.Config{Partitions: 12})
	if err != nil {
		t.Fatal(err)
	}
	for range behind / 1000 {
		appends := make([]eventstore.Append, 1000)
		for i := range appends {
			copied := uuid.NewString()
			appends[i].Streams = []eventstore.StreamAppend{{
				Stream: eventstore.StreamID("order-" + copied),
				Events: []eventstore.Event{{ID: eventstore.NewID(), Type: "OrderPlaced", SchemaVersion: 1, Data: []byte(strings.ReplaceAll(data, id, copied))}},
			}}
		}
		err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
			_, err := store.AppendTx(ctx, tx, appends...)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
