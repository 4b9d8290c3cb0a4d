package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ordo-platform/ordo/internal/client"
	"github.com/ordo-platform/ordo/internal/devfile"
	"github.com/ordo-platform/ordo/internal/psp"
	"github.com/ordo-platform/ordo/internal/testenv"
)

// crashes is how often the platform is killed at least, and how many orders are asked for at least until it is killed for the
// last time: few by default, ORDO_CRASH_ROUNDS and ORDO_CRASH_ORDERS for more.
func crashes(t *testing.T) (rounds, orders int) {
	number := func(name string, otherwise int) int {
		text := os.Getenv(name)
		if text == "" {
			return otherwise
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			t.Fatalf("%s=%q is not a number from 1 on", name, text)
		}
		return n
	}
	return number("ORDO_CRASH_ROUNDS", 3), number("ORDO_CRASH_ORDERS", 1)
}

// TestKillLosesNothing kills `ordo dev` with SIGKILL at random moments under load and starts it again on the same data.
// In the end every acknowledged order exists once and has ended, and topics, read models and the provider's ledger agree
// with the store. Judged by SQL, a Kafka reader and a file of our own, not by the product's code.
func TestKillLosesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while; not with -short")
	}
	t.Parallel()
	ctx := t.Context()
	dir := filepath.Join(t.TempDir(), "data")
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))

	books := &journal{answers: map[string]string{}}
	var customer string
	rounds, orders := crashes(t)
	round := 0
	for ; round < rounds || books.len() < orders; round++ {
		p := startDev(t, dir)
		if round == 0 {
			customer = openShop(t, p.api)
			for _, sku := range []string{"A", "B", "C"} { // for most of them, not for all
				if _, err := p.api.ReceiveStock(ctx, sku, int64(orders), "second"); err != nil {
					t.Fatal(err)
				}
			}
		}
		loadCtx, stopLoad := context.WithCancel(ctx)
		var load sync.WaitGroup
		for worker := range 8 {
			load.Go(func() { books.placeOrders(loadCtx, p.api, customer, fmt.Sprintf("%d-%d", round, worker)) })
		}
		load.Go(func() { finish(loadCtx, p.api, false) })
		sleep(ctx, 100*time.Millisecond+time.Duration(random.IntN(1400))*time.Millisecond)
		p.kill()
		stopLoad()
		load.Wait()
	}

	p := startDev(t, dir)
	for _, holder := range queryAll[string](t, p, "orders", "SELECT holder FROM leases") {
		if holder != "embedded" { // any other name would have to wait for the lease of the killed one
			t.Errorf("the lease is held by %s", holder)
		}
	}
	t.Logf("killed %d times", round)
	books.askAgain(t, p.api, customer)
	waitUntilAllEnded(t, p)
	finish(ctx, p.api, true)
	waitUntilAllEnded(t, p)
	checkOrders(t, p, books)
	checkLog(t, p)
	checkReadModels(t, p)
	checkStock(t, p)
	checkLedger(t, p, dir)
	checkVerify(t, dir)
	p.stop()
}

// checkVerify has the product verify its own logs, also against the heads that the relays have published.
func checkVerify(t *testing.T, dir string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "verify", "--heads", "kafka")
	cmd.Env = append(os.Environ(), childVariable+"=1", "ORDO_DATA_DIR="+dir)
	if output, err := cmd.CombinedOutput(); err != nil || bytes.Contains(output, []byte("no head")) {
		t.Errorf("ordo verify: %v\n%s", err, output)
	}
}

// childVariable makes this test binary behave as the program.
const childVariable = "ORDO_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		if os.Getenv(changedFoldVariable) != "" {
			changeFold()
		}
		main()
	}
	testenv.Main(m)
}

// devProcess is a running `ordo dev`.
type devProcess struct {
	t    testing.TB
	cmd  *exec.Cmd
	done chan error
	file devfile.File
	api  *client.Client
}

func startDev(t testing.TB, dir string) *devProcess {
	t.Helper()
	cmd := exec.Command(os.Args[0], "dev", "--data-dir", dir, "--http-addr", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), childVariable+"=1")
	output := filepath.Join(filepath.Dir(dir), "output")
	log, err := os.OpenFile(output, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &devProcess{t: t, cmd: cmd, done: make(chan error, 1)}
	go func() { p.done <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		if t.Failed() {
			text, _ := os.ReadFile(output)
			t.Logf("output of ordo dev:\n%s", text[max(0, len(text)-8000):])
		}
	})
	for {
		select {
		case err := <-p.done:
			t.Fatalf("ordo dev ended instead of getting ready: %v", err)
		case <-time.After(20 * time.Millisecond):
		}
		if p.file, err = devfile.Read(dir); err == nil && p.file.PID == cmd.Process.Pid {
			break
		}
	}
	p.api, err = client.New(client.Config{URL: p.file.URL, Timeout: 5 * time.Second, Retry: client.Retry{Attempts: 1}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *devProcess) kill() {
	_ = p.cmd.Process.Kill()
	if err := <-p.done; err == nil {
		p.t.Error("ordo dev ended well although it was killed")
	}
}

// stop is Ctrl-C: it must end cleanly, and within five seconds.
func (p *devProcess) stop() {
	p.t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGINT)
	select {
	case err := <-p.done:
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != exitInterrupted {
			p.t.Errorf("ordo dev stopped with %v", err)
		}
	case <-time.After(5 * time.Second):
		p.t.Error("ordo dev did not stop within 5 s")
	}
}

func openShop(t testing.TB, api *client.Client) (customer string) {
	t.Helper()
	for _, sku := range []string{"A", "B", "C"} {
		price := client.Money{Amount: 100, Currency: "EUR"}
		if _, err := api.PutProduct(t.Context(), client.Product{SKU: sku, Name: sku, Price: price}); err != nil {
			t.Fatal(err)
		}
		if _, err := api.ReceiveStock(t.Context(), sku, 500, "first"); err != nil {
			t.Fatal(err)
		}
	}
	registered, err := api.RegisterCustomer(t.Context(), client.Customer{Name: "Ada", Email: "ada@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	return registered.Value.ID
}

// journal is what the client knows: for each idempotency key the order it was answered, empty while it does not know.
type journal struct {
	mu      sync.Mutex
	answers map[string]string
}

func request(customer, key string) client.PlaceOrder {
	// The request follows from its key, so that it can be sent again.
	h := int64(0)
	for _, c := range key {
		h = h*31 + int64(c)
	}
	order := client.PlaceOrder{CustomerID: customer, PaymentMethod: psp.MethodOK, Lines: []client.Item{{SKU: "A", Quantity: 1 + h%3}}}
	switch { // most of them misbehave in a way; few hang, as each of their calls takes seconds
	case h%4 == 0:
		order.PaymentMethod = psp.MethodDeclined
	case h%7 == 1:
		order.PaymentMethod = psp.MethodFlaky
	case h%11 == 2:
		order.PaymentMethod = psp.MethodErrorAfterCharge
	case h%61 == 3:
		order.PaymentMethod = psp.MethodHang
	}
	if h%5 == 0 {
		order.Lines = append(order.Lines, client.Item{SKU: "B", Quantity: 1}, client.Item{SKU: "C", Quantity: 2})
	}
	return order
}

func (j *journal) placeOrders(ctx context.Context, api *client.Client, customer, prefix string) {
	for n := 0; ctx.Err() == nil; n++ {
		key := fmt.Sprintf("%s-%d", prefix, n)
		j.note(key, "")
		placed, err := api.PlaceOrder(ctx, key, request(customer, key))
		if err != nil {
			return // killed
		}
		j.note(key, placed.Value.ID)
		if n%5 == 1 {
			_, _ = api.CancelOrder(ctx, placed.Value.ID, "changed my mind")
		}
	}
}

// finish ships some of the confirmed orders and cancels others, for as long as the context lasts, or once if all is true.
// Which ones follows from their ids, so that what a kill cut off is asked for again.
func finish(ctx context.Context, api *client.Client, all bool) {
	for ctx.Err() == nil {
		for page, err := range api.OrderPages(ctx, client.ListOrders{Status: client.StatusConfirmed, Limit: 200}) {
			if err != nil {
				break // killed
			}
			for _, o := range page.Orders {
				switch {
				case o.ID[0] < '6':
					_, _ = api.ShipOrder(ctx, o.ID, client.Shipment{Carrier: "DHL", TrackingNumber: o.ID})
				case o.ID[0] < '8':
					_, _ = api.CancelOrder(ctx, o.ID, "too late")
				}
			}
			if !all {
				break // the newest will do
			}
		}
		if all {
			return
		}
		sleep(ctx, 20*time.Millisecond)
	}
}

func (j *journal) len() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.answers)
}

func (j *journal) note(key, id string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.answers[key] = id
}

// askAgain sends every request once more. What was acknowledged must get the same answer.
func (j *journal) askAgain(t *testing.T, api *client.Client, customer string) {
	t.Helper()
	acknowledged := 0
	for key, id := range j.answers {
		again, err := api.PlaceOrder(t.Context(), key, request(customer, key))
		if err != nil {
			t.Fatalf("key %s again: %v", key, err)
		}
		if id != "" {
			acknowledged++
			if !again.Replayed || again.Value.ID != id {
				t.Errorf("key %s was answered with order %s, now with %s (replayed: %t)", key, id, again.Value.ID, again.Replayed)
			}
		}
		j.answers[key] = again.Value.ID
	}
	t.Logf("%d requests, %d acknowledged before a kill", len(j.answers), acknowledged)
}

// shippingOrders are those that were told to leave and have not yet; their status is still confirmed.
const shippingOrders = `HAVING bool_or(type = 'OrderShipmentRequested') AND NOT bool_or(type = 'OrderShipped')`

func waitUntilAllEnded(t *testing.T, p *devProcess) {
	t.Helper()
	limit := time.Now().Add(60 * time.Second)
	for {
		open := 0
		for page, err := range p.api.OrderPages(t.Context(), client.ListOrders{Limit: 200}) {
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range page.Orders {
				if o.Status.Moving() {
					open++
				}
				if o.Status == client.StatusNeedsAttention {
					t.Fatalf("order %s needs attention", o.ID)
				}
			}
		}
		// The list is a read model: only the store knows whether it has all of them.
		if open == 0 && query[int](t, p, "views", "SELECT count(*) FROM orderview_orders") ==
			query[int](t, p, "orders", "SELECT count(*) FROM events WHERE type = 'OrderPlaced'") &&
			query[int](t, p, "views", "SELECT coalesce(sum(applied), 0)::int FROM orderview_orders") == query[int](t, p, "orders", "SELECT count(*) FROM events") &&
			query[int](t, p, "orders", "SELECT count(*) FROM (SELECT stream FROM events GROUP BY stream "+shippingOrders+") AS s") == 0 &&
			query[int](t, p, "payments", "SELECT count(*) FROM tasks") == 0 {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("%d orders have not ended", open)
		}
		sleep(t.Context(), 100*time.Millisecond)
	}
}

// checkOrders: one order for each key, and no other; each ended exactly once.
func checkOrders(t *testing.T, p *devProcess, books *journal) {
	t.Helper()
	stored := map[string]bool{}
	for _, stream := range queryAll[string](t, p, "orders", "SELECT substr(stream, 7) FROM events WHERE type = 'OrderPlaced'") {
		stored[stream] = true
	}
	asked := map[string]bool{}
	for key, id := range books.answers {
		if !stored[id] {
			t.Errorf("order %s of key %s is lost", id, key)
		}
		asked[id] = true
	}
	if len(stored) != len(asked) || len(asked) != len(books.answers) {
		t.Errorf("%d keys, %d orders answered, %d stored", len(books.answers), len(asked), len(stored))
	}
	if twice := query[int](t, p, "orders", `SELECT count(*) FROM (SELECT stream FROM events
		GROUP BY stream HAVING count(*) FILTER (WHERE type IN ('OrderRejected', 'OrderCancelled', 'OrderShipped')) <>
			CASE WHEN bool_or(type = 'OrderConfirmed') AND NOT bool_or(type IN ('OrderCancelled', 'OrderShipped')) THEN 0 ELSE 1 END) AS s`); twice > 0 {
		t.Errorf("%d orders did not end exactly once", twice)
	}
}

// checkLog: every log is gapless, and each topic holds each of its events once, in order.
func checkLog(t *testing.T, p *devProcess) {
	t.Helper()
	for _, service := range []string{"orders", "inventory", "payments", "catalog", "customers"} {
		if broken := query[int](t, p, service, `SELECT count(*) FROM (SELECT position - lag(position, 1, 0) OVER (ORDER BY position) AS step,
			version - lag(version, 1, 0) OVER (PARTITION BY stream ORDER BY version) AS version_step FROM events) AS e
			WHERE step <> 1 OR version_step <> 1`); broken > 0 {
			t.Errorf("%s: %d gaps in the log", service, broken)
		}
		want := queryAll[int64](t, p, service, "SELECT position FROM events ORDER BY position")
		got := map[int64]int{}
		last := map[int32]int64{}
		for _, r := range readTopic(t, p, service+".events", len(want)) {
			position, previous := header(t, r, "ce_sequence"), header(t, r, "ordo_prev")
			got[position]++
			if previous != last[r.Partition] {
				t.Errorf("%s: partition %d has %d after %d, which says it follows %d", service, r.Partition, position, last[r.Partition], previous)
			}
			last[r.Partition] = position
		}
		for _, position := range want {
			if got[position] != 1 {
				t.Errorf("%s: event %d is %d times on the topic", service, position, got[position])
			}
		}
	}
}

// checkReadModels compares read models with what SQL makes of the events.
func checkReadModels(t *testing.T, p *devProcess) {
	t.Helper()
	events := map[string]string{}
	for _, e := range queryAll[string](t, p, "orders", `SELECT substr(stream, 7) || ' ' || max(version) || ' ' || count(*) || ' ' ||
		CASE WHEN bool_or(type = 'OrderShipped') THEN 'shipped' WHEN bool_or(type = 'OrderCancelled') THEN 'cancelled'
			WHEN bool_or(type = 'OrderRejected') THEN 'rejected' ELSE 'confirmed' END FROM events GROUP BY stream`) {
		events[e] = e
	}
	rows := queryAll[string](t, p, "views", "SELECT id || ' ' || version || ' ' || applied || ' ' || status FROM orderview_orders")
	for _, r := range rows {
		if events[r] == "" {
			t.Errorf("read model has %s, the store does not", r)
		}
	}
	if len(rows) != len(events) {
		t.Errorf("%d orders in the read model, %d in the store", len(rows), len(events))
	}
	const levels = `SELECT data->>'sku' || ' ' ||
		sum(CASE type WHEN 'StockReceived' THEN 1 WHEN 'StockDispatched' THEN -1 ELSE 0 END * (data->>'quantity')::bigint) || ' ' ||
		sum(CASE type WHEN 'StockAllocated' THEN 1 WHEN 'StockDeallocated' THEN -1 WHEN 'StockDispatched' THEN -1 ELSE 0 END * (data->>'quantity')::bigint)
		FROM events WHERE stream LIKE 'stock-%' GROUP BY data->>'sku' ORDER BY 1`
	const view = "SELECT sku || ' ' || on_hand || ' ' || reserved FROM stocklevels_levels ORDER BY 1"
	var store, model []string
	for range 50 { // the stock's read model may be a moment behind the orders'
		store, model = queryAll[string](t, p, "inventory", levels), queryAll[string](t, p, "views", view)
		if fmt.Sprint(store) == fmt.Sprint(model) {
			break
		}
		sleep(t.Context(), 100*time.Millisecond)
	}
	if fmt.Sprint(store) != fmt.Sprint(model) {
		t.Errorf("stock: store says %v, read model %v", store, model)
	}
}

// checkStock: exactly the pieces of confirmed orders are reserved, and exactly those of shipped ones have left.
func checkStock(t *testing.T, p *devProcess) {
	t.Helper()
	reserved := queryAll[string](t, p, "inventory", `SELECT data->>'sku' || ' ' ||
			sum(CASE type WHEN 'StockAllocated' THEN 1 ELSE -1 END * (data->>'quantity')::bigint) || ' reserved, ' ||
			sum(CASE type WHEN 'StockDispatched' THEN (data->>'quantity')::bigint ELSE 0 END) || ' left'
		FROM events WHERE type IN ('StockAllocated', 'StockDeallocated', 'StockDispatched') GROUP BY data->>'sku' ORDER BY 1`)
	ordered := queryAll[string](t, p, "orders", `SELECT line->>'sku' || ' ' ||
			sum(CASE WHEN confirmed AND NOT ended THEN (line->>'quantity')::bigint ELSE 0 END) || ' reserved, ' ||
			sum(CASE WHEN shipped THEN (line->>'quantity')::bigint ELSE 0 END) || ' left'
		FROM (SELECT data, type, bool_or(type = 'OrderConfirmed') OVER w AS confirmed, bool_or(type = 'OrderShipped') OVER w AS shipped,
				bool_or(type IN ('OrderShipped', 'OrderCancelled')) OVER w AS ended FROM events WINDOW w AS (PARTITION BY stream)) AS e,
			json_array_elements(data->'lines') AS line
		WHERE type = 'OrderPlaced' GROUP BY line->>'sku' ORDER BY 1`)
	if fmt.Sprint(reserved) != fmt.Sprint(ordered) {
		t.Errorf("stock: %v, orders: %v", reserved, ordered)
	}
}

// checkLedger compares the provider's own books with our payments, both ways, and with what became of the orders: money is
// held for each confirmed order, taken for each shipped one, once, and nothing for any other.
func checkLedger(t *testing.T, p *devProcess, dir string) {
	t.Helper()
	file, err := os.Open(filepath.Join(dir, "provider.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	theirs := map[string]int{} // "order verb", as often as it was done
	money := map[string]psp.Status{}
	for decoder := json.NewDecoder(file); ; {
		var o psp.Operation
		if err := decoder.Decode(&o); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		theirs[o.Request.OrderID+" "+string(o.Status)]++
		if o.Status != psp.StatusDeclined {
			money[o.Request.OrderID] = o.Status
		}
	}
	// A payment may be void without ever having been anything else: the provider knows of those that were asked for.
	ours := queryAll[string](t, p, "payments", `SELECT substr(e.stream, 9) || ' ' || replace(lower(substr(e.type, 8)), 'refused', 'declined') FROM events e
		WHERE e.type IN ('PaymentAuthorized', 'PaymentDeclined', 'PaymentCaptured', 'PaymentRefunded')
			OR e.type = 'PaymentVoided' AND EXISTS (SELECT FROM events a WHERE a.stream = e.stream AND a.type = 'PaymentVoidRequested')`)
	for _, o := range ours {
		if theirs[o] != 1 {
			t.Errorf("our books say %s, the provider's say so %d times", o, theirs[o])
		}
		delete(theirs, o)
	}
	for o := range theirs {
		t.Errorf("the provider's books say %s, ours do not", o)
	}

	due := map[string]psp.Status{}
	for _, o := range queryAll[string](t, p, "orders", `SELECT substr(stream, 7) || ' ' || CASE WHEN bool_or(type = 'OrderShipped') THEN 'captured' ELSE 'authorized' END
		FROM events GROUP BY stream HAVING bool_or(type = 'OrderConfirmed') AND NOT bool_or(type = 'OrderCancelled')`) {
		id, status, _ := strings.Cut(o, " ")
		due[id] = psp.Status(status)
	}
	counted := map[psp.Status]int{}
	for id, status := range due {
		counted[status]++
		if money[id] != status {
			t.Errorf("the money of order %s should be %s, it is %q", id, status, money[id])
		}
	}
	for id, status := range money {
		if due[id] == "" && status != psp.StatusVoided && status != psp.StatusRefunded {
			t.Errorf("money is %s for order %s, which is not confirmed", status, id)
		}
	}
	t.Logf("money: %v for confirmed and shipped orders, %d others let go", counted, len(money)-len(due))
}

func query[T any](t *testing.T, p *devProcess, service, sql string) T {
	t.Helper()
	return queryAll[T](t, p, service, sql)[0]
}

func queryAll[T any](t *testing.T, p *devProcess, service, sql string) []T {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), p.file.Databases[service])
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	rows, err := conn.Query(t.Context(), sql)
	if err != nil {
		t.Fatal(err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[T])
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return all
}

// readTopic reads a topic from its beginning, read-committed, until it has n records, and a little longer for any more.
func readTopic(t *testing.T, p *devProcess, topic string, n int) []*kgo.Record {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(p.file.Kafka...), kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ends, err := kadm.NewClient(cl).ListCommittedOffsets(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	if n > 0 && len(ends[topic]) == 0 {
		t.Fatalf("topic %s is not there", topic)
	}
	var records []*kgo.Record
	limit, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		wait := limit
		if len(records) >= n {
			var stop context.CancelFunc
			wait, stop = context.WithTimeout(limit, 300*time.Millisecond)
			defer stop()
		}
		fetched := cl.PollFetches(wait)
		records = append(records, fetched.Records()...)
		if wait.Err() != nil {
			return records
		}
	}
}

func header(t *testing.T, r *kgo.Record, name string) int64 {
	t.Helper()
	for _, h := range r.Headers {
		if h.Key == name {
			n, err := strconv.ParseInt(string(h.Value), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("record has no header %s", name)
	return 0
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
