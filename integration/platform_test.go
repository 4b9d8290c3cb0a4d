package integration

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/integration/judge"
	"github.com/ordo-platform/ordo/internal/app"
	"github.com/ordo-platform/ordo/internal/client"
	"github.com/ordo-platform/ordo/internal/demo"
	"github.com/ordo-platform/ordo/internal/kafka"
	"github.com/ordo-platform/ordo/internal/psp"
)

// TestDemo tells the story of `ordo demo` on a real Kafka and a real Postgres, then starts the platform again on the same
// servers: nothing is published or applied a second time, and it goes on where it was.
func TestDemo(t *testing.T) {
	t.Parallel()
	pg, broker := Postgres(t), Kafka(t)
	config := demo.Hurry(app.LocalConfig{
		DatabaseURL: pg.Database(t, "admin"),
		Brokers:     broker.Addrs,
		Logger:      slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	// On a machine that does much else meanwhile, no order but the one whose provider hangs may be late.
	config.Deadlines[order.StepAuthorizePayment] = 20 * time.Second
	config.PaymentTimeout = 21 * time.Second

	platform, stop := start(t, config)
	report, err := demo.Run(t.Context(), demo.Shop{
		Client:   platform.client,
		Provider: platform.Provider,
		Say:      demo.Say(func(line string) { t.Log(line) }),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range report.Orders {
		if o.Status != o.Expected {
			t.Errorf("%s: %s, expected %s", o.Scenario, o.Status, o.Expected)
		}
	}
	for _, c := range report.Checks {
		if !c.OK {
			t.Errorf("%s: %s", c.Name, c.Detail)
		}
	}
	checkTopics(t, platform)
	stop()

	platform, stop = start(t, config)
	defer stop()
	for _, before := range report.Orders {
		now, err := platform.client.Order(t.Context(), before.ID, "")
		if err != nil || now.Value.Status != before.Status {
			t.Errorf("after a restart order %s is %q (%v), it was %s", before.ID, now.Value.Status, err, before.Status)
		}
	}
	customer, err := platform.client.Order(t.Context(), report.Orders[0].ID, "")
	if err != nil {
		t.Fatal(err)
	}
	placed, err := platform.client.PlaceOrder(t.Context(), "after the restart", client.PlaceOrder{
		CustomerID: customer.Value.CustomerID, Lines: []client.Item{{SKU: "CUP", Quantity: 1}}, PaymentMethod: psp.MethodOK,
	})
	if err != nil {
		t.Fatal(err)
	}
	await(t, "the new order is confirmed", func() bool {
		now, err := platform.client.Order(t.Context(), placed.Value.ID, placed.Position)
		return err == nil && now.Value.Status == client.StatusConfirmed
	})
	checkTopics(t, platform)
}

// platform is a running one with a client of its API.
type platform struct {
	*app.Local
	client *client.Client
}

// start runs a platform until stop is called, which waits for its clean end.
func start(t *testing.T, config app.LocalConfig) (p *platform, stop func()) {
	t.Helper()
	local, stop := run(t, config)
	if err := ready(t, local); err != nil {
		stop()
		t.Fatal(err)
	}
	api, err := client.New(client.Config{URL: "http://" + local.Addr()})
	if err != nil {
		stop()
		t.Fatal(err)
	}
	return &platform{local, api}, stop
}

// startFails returns why a platform does not get ready.
func startFails(t *testing.T, config app.LocalConfig) error {
	t.Helper()
	local, stop := run(t, config)
	defer stop()
	return ready(t, local)
}

func run(t *testing.T, config app.LocalConfig) (local *app.Local, stop func()) {
	t.Helper()
	local, err := app.NewLocal(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- local.Run(ctx) }()
	return local, func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("platform ended with %v", err)
		}
	}
}

func ready(t *testing.T, local *app.Local) error {
	t.Helper()
	limited, done := context.WithTimeout(t.Context(), startTimeout)
	defer done()
	return local.WaitReady(limited)
}

// checkTopics compares every events topic with its log: each event once, in the order of positions within its partition.
func checkTopics(t *testing.T, p *platform) {
	t.Helper()
	for _, service := range []string{app.Orders, app.Inventory, app.Payments, app.Catalog, app.Customers} {
		conn, err := pgx.Connect(t.Context(), p.Databases[service])
		if err != nil {
			t.Fatal(err)
		}
		rows, err := conn.Query(t.Context(), "SELECT event_id::text FROM events ORDER BY position")
		if err != nil {
			t.Fatal(err)
		}
		stored, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.Close(t.Context()); err != nil {
			t.Error(err)
		}
		await(t, service+" is published", func() bool { return int(p.Published(service)) == len(stored) })

		published := readTopic(t, p.Brokers, kafka.EventsTopic(service))
		slices.Sort(stored)
		slices.Sort(published)
		if !slices.Equal(stored, published) {
			t.Errorf("%s: %d events stored, %d published\n%s\n%s", service, len(stored), len(published),
				strings.Join(stored, " "), strings.Join(published, " "))
		}
	}
}

// readTopic returns the ids of all events that read-committed readers see.
func readTopic(t *testing.T, brokers []string, topic string) []string {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(topic), kgo.KeepControlRecords(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ends, err := kadm.NewClient(cl).ListCommittedOffsets(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	open := map[int32]int64{} // partitions that are not read to their end yet, with that end
	ends.Each(func(o kadm.ListedOffset) {
		if o.Offset > 0 {
			open[o.Partition] = o.Offset
		}
	})
	var ids []string
	limited, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for len(open) > 0 {
		fetched := cl.PollFetches(limited)
		if err := fetched.Err(); err != nil {
			t.Fatalf("read %s: %v", topic, err)
		}
		fetched.EachRecord(func(r *kgo.Record) {
			if r.Offset+1 >= open[r.Partition] { // the marker that ends the last transaction
				delete(open, r.Partition)
			}
			for _, h := range r.Headers {
				if h.Key == "ce_id" && !r.Attrs.IsControl() {
					ids = append(ids, string(h.Value))
				}
			}
		})
	}
	return ids
}

func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	if !judge.Within(t, judge.Patience, holds) {
		t.Fatalf("waited in vain until %s", what)
	}
}
