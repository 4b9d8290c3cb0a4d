package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/ordo-platform/ordo/internal/app"
	"github.com/ordo-platform/ordo/internal/client"
	"github.com/ordo-platform/ordo/internal/embedded"
	"github.com/ordo-platform/ordo/internal/kafka"
	"github.com/ordo-platform/ordo/internal/psp"
	"github.com/ordo-platform/ordo/internal/testenv"
)

// fleet is services as processes of their own, on an embedded Postgres and broker.
type fleet struct {
	t       *testing.T
	program string // what is run
	env     []string
	brokers []string
	public  map[string]string // base address by process
	inner   map[string]string
	running map[string]*exec.Cmd
	output  map[string]*syncBuffer
	owners  map[string]string // address by service, password included
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	server, err := embedded.StartPostgres(t.Context(), embedded.PostgresConfig{Ephemeral: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop(context.Background()) })
	f := &fleet{
		t: t, program: os.Args[0], brokers: testenv.Kafka(t), public: map[string]string{}, inner: map[string]string{},
		running: map[string]*exec.Cmd{}, output: map[string]*syncBuffer{}, owners: map[string]string{},
	}
	f.env = append(os.Environ(), childVariable+"=1", "ORDO_UNSAFE_DURABILITY=true", "ORDO_KAFKA_REPLICATION=1", "ORDO_DRAIN_DELAY=500ms",
		"ORDO_DATA_DIR="+t.TempDir(), // where no "ordo dev" runs
		"ORDO_KAFKA_BROKERS="+strings.Join(f.brokers, ","))
	for _, service := range app.Services() {
		database, err := server.EnsureDatabase(t.Context(), service)
		if err != nil {
			t.Fatal(err)
		}
		f.owners[service] = database.Owner
		upper := "ORDO_" + strings.ToUpper(service)
		for name, address := range map[string]string{"DATABASE": database.Runtime, "OWNER": database.Owner} {
			u, err := url.Parse(address)
			if err != nil {
				t.Fatal(err)
			}
			password, _ := u.User.Password()
			file := filepath.Join(t.TempDir(), "password")
			if err := os.WriteFile(file, []byte(password+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			u.User = url.User(u.User.Username())
			f.env = append(f.env, upper+"_"+name+"_URL="+u.String(), upper+"_"+name+"_PASSWORD_FILE="+file)
		}
		f.address(service)
		f.env = append(f.env, upper+"_INTERNAL_URL="+f.inner[service])
	}
	simulator := "http://" + testenv.Address(t)
	f.env = append(f.env, "ORDO_PAYMENTS_PROVIDER_URL="+simulator)
	f.start("simulator", "payment-simulator", "--addr", strings.TrimPrefix(simulator, "http://"))
	return f
}

// address gives a process two addresses, which it keeps when it is started again.
func (f *fleet) address(process string) {
	f.public[process], f.inner[process] = "http://"+testenv.Address(f.t), "http://"+testenv.Address(f.t)
}

func (f *fleet) start(process string, args ...string) {
	f.t.Helper()
	cmd := exec.Command(f.program, args...)
	cmd.Env = f.env
	output := &syncBuffer{}
	cmd.Stdout, cmd.Stderr = output, output
	if err := cmd.Start(); err != nil {
		f.t.Fatal(err)
	}
	f.running[process], f.output[process] = cmd, output
	f.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if f.t.Failed() {
			text := output.String()
			f.t.Logf("%s:\n%s", process, text[max(0, len(text)-3000):])
		}
	})
}

func (f *fleet) serve(process, service string) {
	f.t.Helper()
	f.start(process, "serve", service, "--http-addr", strings.TrimPrefix(f.public[process], "http://"),
		"--internal-addr", strings.TrimPrefix(f.inner[process], "http://"))
}

// stop ends a process well.
func (f *fleet) stop(process string) {
	f.t.Helper()
	running := f.running[process]
	if err := running.Process.Signal(syscall.SIGTERM); err != nil {
		f.t.Fatal(err)
	}
	if err := running.Wait(); err != nil {
		f.t.Errorf("%s after SIGTERM: %v", process, err)
	}
}

// serveAll starts a process for each service, and waits until those and all others are ready.
func (f *fleet) serveAll() {
	f.t.Helper()
	for _, service := range app.Services() {
		f.serve(service, service)
	}
	for process := range f.inner {
		f.awaitReady(process)
	}
}

// ownsViews lets what is run from now on replay read models.
func (f *fleet) ownsViews() {
	f.env = append(f.env, "ORDO_VIEWS_DATABASE_URL="+f.owners[app.Views], "ORDO_VIEWS_DATABASE_PASSWORD_FILE=")
}

// must is ordo for what has to succeed.
func (f *fleet) must(args ...string) string {
	f.t.Helper()
	exit, output := f.ordo(args...)
	if exit != 0 {
		f.t.Fatalf("ordo %s: exit %d, %s", strings.Join(args, " "), exit, output)
	}
	return output
}

func (f *fleet) ordo(args ...string) (exit int, output string) {
	f.t.Helper()
	cmd := exec.Command(f.program, args...)
	cmd.Env = f.env
	text, _ := cmd.CombinedOutput()
	return cmd.ProcessState.ExitCode(), string(text)
}

// get returns what is answered, a status of 0 if nothing is.
func get(ctx context.Context, address string) (status int, body string) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return 0, ""
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, ""
	}
	defer func() { _ = answer.Body.Close() }()
	text, _ := io.ReadAll(answer.Body)
	return answer.StatusCode, string(text)
}

func status(ctx context.Context, address string) int {
	code, _ := get(ctx, address)
	return code
}

func (f *fleet) await(what string, holds func() bool) {
	f.t.Helper()
	limit := time.After(90 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-limit:
			f.t.Fatalf("%s: waited in vain", what)
		case <-tick.C:
		}
	}
}

func (f *fleet) awaitReady(process string) {
	f.t.Helper()
	f.await(process+" ready", func() bool { return status(f.t.Context(), f.inner[process]+"/readyz") == http.StatusOK })
}

// routes is which service answers what, as the gateway has it.
var routes = []struct {
	pattern *regexp.Regexp
	service string
}{
	{regexp.MustCompile(`^POST /v1/orders|^GET /v1/orders/[^/]+/(events|process)$`), app.Orders},
	{regexp.MustCompile(`^(PUT|DELETE) /v1/products`), app.Catalog},
	{regexp.MustCompile(`^POST /v1/customers`), app.Customers},
	{regexp.MustCompile(`^POST /v1/stock`), app.Inventory},
	{regexp.MustCompile(`^GET /v1/payments`), app.Payments},
}

func (f *fleet) gateway() *client.Client {
	f.t.Helper()
	server := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		service := app.Views
		for _, route := range routes {
			if route.pattern.MatchString(r.In.Method + " " + r.In.URL.Path) {
				service = route.service
			}
		}
		to, _ := url.Parse(f.public[service])
		r.SetURL(to)
	}})
	f.t.Cleanup(server.Close)
	api, err := client.New(client.Config{URL: server.URL})
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(api.Close)
	return api
}

func (f *fleet) confirm(api *client.Client, customer, key string) string {
	f.t.Helper()
	placed, err := api.PlaceOrder(f.t.Context(), key, client.PlaceOrder{
		CustomerID: customer, PaymentMethod: psp.MethodOK, Lines: []client.Item{{SKU: "A", Quantity: 1}},
	})
	if err != nil {
		f.t.Fatal(err)
	}
	f.await(key, func() bool {
		o, err := api.Order(f.t.Context(), placed.Value.ID, "")
		return err == nil && o.Value.Status == "confirmed"
	})
	return placed.Value.ID
}

// serveOrders is a start that fails, on ports that nobody else has.
var serveOrders = []string{"serve", "orders", "--http-addr", "127.0.0.1:0", "--internal-addr", "127.0.0.1:0"}

// TestServe runs every service as a process of its own, orders twice, and kills each of them.
func TestServe(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while; not with -short")
	}
	t.Parallel()
	f := newFleet(t)
	if exit, output := f.ordo(serveOrders...); exit == 0 || !strings.Contains(output, "Run: ordo migrate") && !strings.Contains(output, "run: ordo migrate") {
		t.Fatalf("before migrate: exit %d, %s", exit, output)
	}
	f.must("migrate")
	f.must("migrate") // again is fine
	f.address("orders-2")
	f.serve("orders-2", app.Orders)
	f.serveAll()
	if got := status(t.Context(), f.public[app.Orders]+"/readyz"); got != http.StatusNotFound {
		t.Errorf("health on the public address: status %d", got)
	}
	if got := status(t.Context(), f.inner[app.Orders]+"/metrics"); got != http.StatusOK {
		t.Errorf("metrics: status %d", got)
	}
	api := f.gateway()
	customer := openShop(t, api)
	id := f.confirm(api, customer, "first")
	told, err := api.OrderProcess(t.Context(), id) // from three logs, two of them of other processes
	if err != nil || len(told.Value.Steps) < 2 {
		t.Errorf("process: %+v, %v", told.Value, err)
	}
	for _, service := range app.Services() {
		_ = f.running[service].Process.Kill()
		_ = f.running[service].Wait()
		f.serve(service, service)
		f.awaitReady(service)
		f.confirm(api, customer, "after "+service)
	}
	f.drain()
	f.confirm(api, customer, "after draining")
	f.await("every partition is held", func() bool {
		exit, _ := f.ordo("health", "--full")
		return exit == 0
	})
	_ = f.running[app.Views].Process.Kill()
	_ = f.running[app.Views].Wait()
	if exit, output := f.ordo("health", "--full"); exit != exitCheck || !strings.Contains(output, "no process of views answers") {
		t.Errorf("without views: exit %d, %s", exit, output)
	}
}

// drain stops a replica of orders: it says so before it stops, ends well, and holds nothing afterwards.
func (f *fleet) drain() {
	t := f.t
	t.Helper()
	process := f.running["orders-2"]
	if err := process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	red := false
	f.await("draining", func() bool {
		got := status(t.Context(), f.inner["orders-2"]+"/readyz")
		red = red || got == http.StatusServiceUnavailable
		return got == 0 || red
	})
	if !red {
		t.Error("it stopped without having been red")
	}
	if err := process.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
	var instance app.Instance
	f.await("the other one publishes", func() bool {
		answer, err := http.Get(f.inner[app.Orders] + app.StatusPath)
		if err != nil {
			return false
		}
		defer func() { _ = answer.Body.Close() }()
		instance = app.Instance{}
		return json.NewDecoder(answer.Body).Decode(&instance) == nil && instance.Services[0].Relay == "publishes"
	})
	for _, lease := range instance.Services[0].Leases {
		if lease.Holder != instance.Name {
			t.Errorf("lease %s is held by %s", lease.Name, lease.Holder)
		}
	}
}

// TestServeRefusesTopics that are not as they must be, and says how to mend them.
func TestServeRefusesTopics(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while; not with -short")
	}
	t.Parallel()
	f := newFleet(t)
	f.must("migrate", "orders")
	cl, err := kafka.Config{Brokers: f.brokers}.NewClient()
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	hour := "3600000"
	_, err = kadm.NewClient(cl).AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Name: "retention.ms", Value: &hour}}, "orders.events")
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("topic orders.events: retention.ms is %s, must be -1 (run: kafka-configs.sh", hour)
	for _, command := range [][]string{serveOrders, {"migrate", "orders"}} {
		exit, output := f.ordo(command...)
		if exit != exitCheck || !strings.Contains(output, want) {
			t.Errorf("%v: exit %d, %s", command, exit, output)
		}
	}
}
