package integration_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ordo-platform/ordo/integration/judge"
)

// stack is what docker-compose.yml describes, under a name and on a port of its own.
type stack struct {
	t    *testing.T
	url  string
	args []string
	env  []string
}

func newStack(t *testing.T) *stack {
	t.Helper()
	if os.Getenv("ORDO_COMPOSE") == "" {
		t.Skip("builds an image and starts a dozen containers; with ORDO_COMPOSE=1")
	}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port) //nolint:forcetypeassert // of a TCP listener
	_ = l.Close()
	s := &stack{
		t: t, url: "http://127.0.0.1:" + port,
		args: []string{"compose", "--project-directory", "..", "--project-name", "ordo-test-" + port},
		env:  append(os.Environ(), "ORDO_PORT="+port),
	}
	t.Cleanup(func() {
		if t.Failed() {
			said, _ := s.try(context.WithoutCancel(t.Context()), "logs", "--tail", "5")
			t.Log(said)
		}
		if output, err := s.try(context.WithoutCancel(t.Context()), "--profile", "ops", "down", "--volumes", "--timeout", "10"); err != nil {
			t.Errorf("%v: %s", err, output)
		}
	})
	return s
}

func (s *stack) try(ctx context.Context, args ...string) (output string, err error) {
	cmd := exec.CommandContext(ctx, "docker", append(s.args, args...)...)
	cmd.Env = s.env
	text, err := cmd.CombinedOutput()
	return string(text), err
}

func (s *stack) compose(args ...string) string {
	s.t.Helper()
	output, err := s.try(s.t.Context(), args...)
	if err != nil {
		s.t.Fatalf("docker compose %s: %v\n%s", strings.Join(args, " "), err, output)
	}
	return output
}

// kill kills all containers of a service and starts them again, whatever the others are doing.
func (s *stack) kill(service string) {
	s.t.Helper()
	containers := strings.Fields(s.compose("ps", "--quiet", service))
	for _, verb := range [][]string{{"kill", "--signal", "KILL"}, {"start"}} {
		output, err := exec.CommandContext(s.t.Context(), "docker", append(verb, containers...)...).CombinedOutput()
		if err != nil {
			s.t.Fatalf("%s %s: %v: %s", verb[0], service, err, output)
		}
	}
}

func (s *stack) ops(args ...string) {
	s.t.Helper()
	s.compose(append([]string{"run", "--rm", "ops"}, args...)...)
}

// ended tells whether an order has come to an end.
func (s *stack) ended(id string) bool {
	var order struct{ Status string }
	err := judge.Call(s.t.Context(), http.MethodGet, s.url+"/v1/orders/"+id, "", nil, &order)
	return err == nil && slices.Contains([]string{"confirmed", "rejected", "cancelled"}, order.Status)
}

// ends waits until every order that was acknowledged has come to an end, and says how long that took.
func (s *stack) ends(books *judge.Journal) time.Duration {
	s.t.Helper()
	began := time.Now()
	waits := []string{"placed", "awaiting_payment", "cancelling"}
	if !judge.Within(s.t, 2*time.Minute, func() bool {
		for _, status := range waits {
			var page struct {
				Orders []struct{ ID string } `json:"orders"`
			}
			err := judge.Call(s.t.Context(), http.MethodGet, s.url+"/v1/orders?status="+status, "", nil, &page)
			if err != nil || len(page.Orders) > 0 {
				return false
			}
		}
		return true
	}) {
		s.t.Fatal("orders do not end")
	}
	for _, wrong := range books.AskAgain(s.t, s.url) {
		s.t.Error(wrong)
	}
	return time.Since(began)
}

// TestCompose starts what the README says, orders through the gateway, kills each container in turn, adds and removes replicas,
// all under load, and has the outcome verified.
func TestCompose(t *testing.T) {
	s := newStack(t)
	s.compose("up", "--build", "--wait", "--wait-timeout", "300")
	books := judge.OpenShop(t, s.url)
	n := 0
	confirms := func(what string) {
		t.Helper()
		n++
		key, began := fmt.Sprint("after-", n), time.Now()
		if !judge.Within(t, 2*time.Minute, func() bool { return books.Place(t.Context(), s.url, key) && s.ended(books.Answer(key)) }) {
			t.Fatalf("%s: orders do not end", what)
		}
		t.Logf("%s: an order placed then had ended after %s", what, time.Since(began).Round(time.Millisecond))
	}
	stop := books.Load(t, 50*time.Millisecond, s.url)
	for _, service := range []string{
		"orders", "inventory", "payments", "catalog", "customers", "views", "payment-simulator", "gateway", "postgres", "kafka",
	} {
		s.kill(service)
		confirms(service + " was killed")
	}
	for _, replicas := range []int{3, 1, 2} {
		if !judge.Within(t, 2*time.Minute, func() bool { // one that was ill a moment ago is enough to say no
			_, err := s.try(t.Context(), "up", "--detach", "--no-recreate", "--wait", "--scale", fmt.Sprint("orders=", replicas))
			return err == nil
		}) {
			t.Fatalf("there are no %d replicas of orders", replicas)
		}
		confirms(fmt.Sprint("orders has ", replicas, " replicas"))
	}
	stop()
	t.Logf("the last of %d orders had ended %s after the load", books.Accepted(), s.ends(books).Round(time.Millisecond))

	s.ops("verify")
	s.ops("verify", "--heads", "kafka")
	for _, model := range []string{"orderview", "stocklevels"} {
		s.ops("replay", model, "--verify-only")
	}
	if !judge.Within(t, time.Minute, func() bool {
		_, err := s.try(t.Context(), "run", "--rm", "ops", "health", "--full")
		return err == nil
	}) {
		t.Error("not everything is well in the end")
	}
}
