package app_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/eventstore/relay"
	"github.com/ordo-platform/ordo/internal/app"
	"github.com/ordo-platform/ordo/internal/client"
	"github.com/ordo-platform/ordo/internal/demo"
	"github.com/ordo-platform/ordo/internal/embedded"
	"github.com/ordo-platform/ordo/internal/logapi"
	"github.com/ordo-platform/ordo/internal/psp"
	"github.com/ordo-platform/ordo/internal/testenv"
)

// TestDemo tells the demo's story on embedded servers, stops, and starts again on the same data: the broker is empty
// then, so everything hangs on the refill and on skipping by position.
func TestDemo(t *testing.T) {
	t.Parallel()
	config := demo.Hurry(app.LocalConfig{
		DataDir: filepath.Join(t.TempDir(), "data"),
		Logger:  slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	p := start(t, config)
	report, err := demo.Run(t.Context(), demo.Shop{
		Client:   p.client,
		Provider: p.Provider,
		Say:      demo.Say(func(line string) { t.Log(line) }),
	})
	if err != nil {
		t.Fatal(err)
	}
	if !report.OK() {
		t.Errorf("not as expected: %+v", report)
	}
	p.stop()

	p = start(t, config)
	for _, before := range report.Orders {
		now, err := p.client.Order(t.Context(), before.ID, "")
		if err != nil || now.Value.Status != before.Status {
			t.Errorf("after a restart order %s is %q (%v), it was %s", before.ID, now.Value.Status, err, before.Status)
		}
	}
	again := report.Orders[0].ID
	customer, err := p.client.Order(t.Context(), again, "")
	if err != nil {
		t.Fatal(err)
	}
	p.confirm(t, customer.Value.CustomerID, "after the restart", client.Item{SKU: "CUP", Quantity: 1})
	p.stop()
}

// TestReadYourWrites: a query with the position of a command's answer sees that command, although the read models run
// behind; many clients at once, each looks only once.
func TestReadYourWrites(t *testing.T) {
	t.Parallel()
	p := start(t, app.LocalConfig{Logger: slog.New(slog.DiscardHandler)})
	customer := p.openShop(t)
	for i := range 50 {
		placed, err := p.client.PlaceOrder(t.Context(), fmt.Sprintf("key-%d", i), client.PlaceOrder{
			CustomerID: customer, Lines: []client.Item{{SKU: "MUG", Quantity: 1}}, PaymentMethod: psp.MethodOK,
		})
		if err != nil {
			t.Fatal(err)
		}
		seen, err := p.client.Order(t.Context(), placed.Value.ID, placed.Position)
		if err != nil || seen.Value.Version < placed.Value.Version {
			t.Fatalf("order %d, written at %s, is not seen: version %d, %v", i, placed.Position, seen.Value.Version, err)
		}
	}
	p.stop()
}

// TestCachedProducts: where only an event can end what a cache believes, orders are placed at the new price soon after it was
// set, and queries that say what they have seen never get an older one.
func TestCachedProducts(t *testing.T) {
	t.Parallel()
	p := start(t, app.LocalConfig{ProductTTL: time.Hour, Logger: slog.New(slog.DiscardHandler)})
	customer := p.openShop(t)
	price := func(amount int64) client.Product {
		return client.Product{SKU: "MUG", Name: "Mug", Price: client.Money{Amount: amount, Currency: "EUR"}}
	}
	ordered := func(key string) int64 {
		placed, err := p.client.PlaceOrder(t.Context(), key, client.PlaceOrder{
			CustomerID: customer, Lines: []client.Item{{SKU: "MUG", Quantity: 1}}, PaymentMethod: psp.MethodOK,
		})
		if err != nil {
			t.Fatal(err)
		}
		return placed.Value.Total.Amount
	}
	before := ordered("before")
	for amount := before + 1; ; amount++ { // the caches may not yet listen when the first one is set
		set, err := p.client.PutProduct(t.Context(), price(amount))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.Get("http://" + p.Addr() + "/v1/products/MUG?after=" + set.Position)
		if err != nil {
			t.Fatal(err)
		}
		said, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if want := fmt.Sprintf(`"amount":%d`, amount); err != nil || !strings.Contains(string(said), want) {
			t.Errorf("want %s, got %s, %v", want, said, err)
		}
		if now := ordered(fmt.Sprint("at", amount)); now > before {
			break
		}
		if amount > before+500 {
			t.Fatal("no event ends what the cache believes")
		}
	}
	p.stop()
}

// The logs of a platform can be read by other processes, on a listener of their own: event by event as they are stored. The
// API that clients reach does not have them.
func TestLogsAreReadableOverHTTP(t *testing.T) {
	t.Parallel()
	p := start(t, app.LocalConfig{Logger: slog.New(slog.DiscardHandler)})
	p.openShop(t)
	log, err := logapi.NewClient("http://"+p.LogAddr(), app.Inventory)
	if err != nil {
		t.Fatal(err)
	}
	unseen, err := log.Unseen(t.Context(), nil)
	if err != nil || unseen.Head != 1 || unseen.Events != 1 || unseen.First != 1 {
		t.Fatalf("unseen %+v, %v", unseen, err)
	}
	partition := eventstore.PartitionOf("MUG", 12)
	events, err := log.ReadPartition(t.Context(), partition, 0, unseen.Head, 10)
	if err != nil || len(events) != 1 || events[0].Stream != "stock-MUG" || events[0].Type != "StockReceived" {
		t.Errorf("read %+v, %v", events, err)
	}
	public, err := logapi.NewClient("http://"+p.Addr(), app.Inventory)
	if err != nil {
		t.Fatal(err)
	}
	var status *logapi.StatusError
	if _, err := public.Unseen(t.Context(), nil); !errors.As(err, &status) || status.Status != http.StatusNotFound {
		t.Errorf("on the public API: %v", err)
	}
	p.stop()
}

// TestListsSayWhereTheyAre: a list with the positions of two commands of different services sees both, says how far it is, and
// still does so after a restart.
func TestListsSayWhereTheyAre(t *testing.T) {
	t.Parallel()
	config := app.LocalConfig{DataDir: filepath.Join(t.TempDir(), "data"), Logger: slog.New(slog.DiscardHandler)}
	p := start(t, config)
	customer := p.openShop(t)
	product, err := p.client.PutProduct(t.Context(), client.Product{SKU: "CUP", Name: "Cup", Price: client.Money{Amount: 5, Currency: "EUR"}})
	if err != nil {
		t.Fatal(err)
	}
	placed, err := p.client.PlaceOrder(t.Context(), "one", client.PlaceOrder{
		CustomerID: customer, Lines: []client.Item{{SKU: "MUG", Quantity: 1}}, PaymentMethod: psp.MethodOK,
	})
	if err != nil {
		t.Fatal(err)
	}
	after := placed.Position + "," + product.Position
	check := func(path, want, service string) {
		t.Helper()
		answer, err := http.Get("http://" + p.Addr() + path + "?after=" + after)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = answer.Body.Close() }()
		said, err := io.ReadAll(answer.Body)
		position := answer.Header.Get("Ordo-Position")
		if err != nil || !strings.Contains(string(said), want) || answer.Header.Get("Ordo-Stale") != "" || !strings.HasPrefix(position, service+":") || position == service+":0" {
			t.Errorf("%s: %s %s %v", path, position, said, answer.Header)
		}
	}
	check("/v1/orders", placed.Value.ID, "orders")
	check("/v1/products", "CUP", "catalog")
	p.stop()
	p = start(t, config)
	check("/v1/orders", placed.Value.ID, "orders")
	check("/v1/products", "CUP", "catalog")
	p.stop()
}

// TestDatabaseOfAnotherHistory: a service whose log is not the one that was published, as after restoring an old backup, says
// so and publishes nothing. The process stays, so /readyz can be red.
func TestDatabaseOfAnotherHistory(t *testing.T) {
	t.Parallel()
	config := app.LocalConfig{Brokers: testenv.Kafka(t), Logger: slog.New(slog.DiscardHandler)}
	p := start(t, config)
	p.openShop(t)
	published := func() bool {
		return p.Published(app.Catalog) == 1 && p.Published(app.Customers) == 1 && p.Published(app.Inventory) == 1
	}
	for !published() {
		select {
		case <-t.Context().Done():
			t.Fatal("not published")
		case <-time.After(time.Millisecond):
		}
	}
	p.stop()

	local, err := app.NewLocal(t.Context(), config) // its databases are new and empty
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- local.Run(ctx) }()
	var history *relay.HistoryError
	if err := local.WaitReady(ctx); !errors.As(err, &history) || history.Head != 0 || history.Published != 1 {
		t.Errorf("WaitReady: %v", err)
	}
	answer, err := http.Get("http://" + local.Addr() + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	said, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(said), "not the one that was published") {
		t.Errorf("/readyz: %s %s %v", answer.Status, said, err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Run: %v", err)
	}
}

// TestTwoProcessesStartTogether on servers that have nothing yet: each database, role, table and topic is made by one of
// them, and both come up and share the work.
func TestTwoProcessesStartTogether(t *testing.T) {
	t.Parallel()
	server, err := embedded.StartPostgres(t.Context(), embedded.PostgresConfig{Ephemeral: true})
	if err != nil {
		t.Fatal(err)
	}
	config := app.LocalConfig{
		DatabaseURL: server.URL("postgres"), UnsafeDurability: true, Brokers: testenv.Kafka(t), Logger: slog.New(slog.DiscardHandler),
	}
	var made [2]*app.Local
	var together errgroup.Group
	for i := range made {
		together.Go(func() (err error) {
			made[i], err = app.NewLocal(t.Context(), config)
			return err
		})
	}
	if err := together.Wait(); err != nil {
		t.Fatal(err)
	}
	var platforms [2]*running
	for i, local := range made {
		platforms[i] = run(t, local)
	}
	customer := platforms[0].openShop(t)
	for i, p := range platforms {
		p.confirm(t, customer, fmt.Sprint("order ", i), client.Item{SKU: "MUG", Quantity: 1})
	}
	for _, p := range platforms {
		p.stop()
	}
	if err := server.Stop(context.Background()); err != nil {
		t.Error(err)
	}
}

// BenchmarkOrder is an order's whole way under light load, one order at a time, on a server with fsync: from the request
// until a client that looks every 2 ms sees it confirmed.
func BenchmarkOrder(b *testing.B) {
	p := start(b, app.LocalConfig{DataDir: filepath.Join(b.TempDir(), "data"), Logger: slog.New(slog.DiscardHandler)})
	customer := p.openShop(b)
	took := make([]time.Duration, 0, b.N)
	for i := 0; b.Loop(); i++ {
		began := time.Now()
		p.confirm(b, customer, fmt.Sprint(i), client.Item{SKU: "MUG", Quantity: 1})
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
	p.stop()
}

// running is a platform that runs until it is stopped.
type running struct {
	*app.Local
	client *client.Client
	stop   func()
}

func start(tb testing.TB, config app.LocalConfig) *running {
	tb.Helper()
	local, err := app.NewLocal(tb.Context(), config)
	if err != nil {
		tb.Fatal(err)
	}
	p := run(tb, local)
	limited, done := context.WithTimeout(tb.Context(), time.Minute)
	defer done()
	if err := local.WaitReady(limited); err != nil {
		tb.Fatal(err)
	}
	return p
}

// run starts a platform, which is not ready yet.
func run(tb testing.TB, local *app.Local) *running {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(tb.Context()))
	ended := make(chan error, 1)
	go func() { ended <- local.Run(ctx) }()
	p := &running{Local: local}
	p.stop = func() {
		if ended == nil {
			return
		}
		cancel()
		if err := <-ended; err != nil {
			tb.Errorf("platform ended with %v", err)
		}
		ended = nil
	}
	tb.Cleanup(p.stop)
	var err error
	if p.client, err = client.New(client.Config{URL: "http://" + local.Addr()}); err != nil {
		tb.Fatal(err)
	}
	return p
}

// openShop puts mugs on the shelf and registers a customer.
func (p *running) openShop(tb testing.TB) (customer string) {
	tb.Helper()
	price := client.Money{Amount: 1990, Currency: "EUR"}
	if _, err := p.client.PutProduct(tb.Context(), client.Product{SKU: "MUG", Name: "Mug", Price: price}); err != nil {
		tb.Fatal(err)
	}
	if _, err := p.client.ReceiveStock(tb.Context(), "MUG", 1_000_000, "first"); err != nil {
		tb.Fatal(err)
	}
	registered, err := p.client.RegisterCustomer(tb.Context(), client.Customer{Name: "Ada", Email: "ada@example.com"})
	if err != nil {
		tb.Fatal(err)
	}
	return registered.Value.ID
}

// confirm places an order and returns when it is confirmed.
func (p *running) confirm(tb testing.TB, customer, key string, items ...client.Item) {
	tb.Helper()
	placed, err := p.client.PlaceOrder(tb.Context(), key, client.PlaceOrder{CustomerID: customer, Lines: items, PaymentMethod: psp.MethodOK})
	if err != nil {
		tb.Fatal(err)
	}
	limit := time.Now().Add(30 * time.Second)
	for {
		now, err := p.client.Order(tb.Context(), placed.Value.ID, placed.Position)
		if err != nil {
			tb.Fatal(err)
		}
		if now.Value.Status == client.StatusConfirmed {
			return
		}
		if now.Value.Status == client.StatusRejected || time.Now().After(limit) {
			tb.Fatalf("order %s is %s", placed.Value.ID, now.Value.Status)
		}
		select {
		case <-tb.Context().Done():
		case <-time.After(2 * time.Millisecond):
		}
	}
}
