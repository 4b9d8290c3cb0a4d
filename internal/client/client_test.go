package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ordo-platform/ordo/internal/client"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// setup serves handler and returns a client of it that repeats itself without losing time.
func setup(t *testing.T, handler http.HandlerFunc, change ...func(*client.Config)) *client.Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	config := client.Config{URL: server.URL, Retry: client.Retry{Wait: time.Nanosecond}}
	for _, f := range change {
		f(&config)
	}
	c, err := client.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func problem(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/problem+json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"code":%q}`, code)
}

func TestNewRefusesAddresses(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", "localhost:8080", "127.0.0.1:8080", "ftp://a", "http://", "http://a?b", "http://a#b", "http://a b", "/v1"} {
		if _, err := client.New(client.Config{URL: address}); err == nil {
			t.Errorf("%q was taken", address)
		}
	}
	for address, want := range map[string]string{
		"http://a:1/":               "http://a:1",
		"https://b/ordo/":           "https://b/ordo",
		"http://user:secret@c:8080": "http://user:xxxxx@c:8080",
	} {
		c, err := client.New(client.Config{URL: address})
		if err != nil {
			t.Fatal(err)
		}
		if got := c.URL(); got != want {
			t.Errorf("%s: shown as %s, want %s", address, got, want)
		}
	}
}

func TestAddressWithPath(t *testing.T) {
	t.Parallel()
	c := setup(t, func(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprintf(w, `{"id":%q}`, r.RequestURI) },
		func(config *client.Config) { config.URL += "/shop/" })
	answer, err := c.Order(t.Context(), "a/../b?c", "orders:1")
	if err != nil {
		t.Fatal(err)
	}
	if want := "/shop/v1/orders/a%2F..%2Fb%3Fc?after=orders%3A1"; answer.Value.ID != want {
		t.Errorf("asked for %s, want %s", answer.Value.ID, want)
	}
}

// TestPlaceOrderRepeats counts the requests of one call for each kind of failure.
func TestPlaceOrderRepeats(t *testing.T) {
	t.Parallel()
	html := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(status)
		}
	}
	refuse := func(status int, code, retryAfter string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			if retryAfter != "" {
				w.Header().Set("Retry-After", retryAfter)
			}
			problem(w, status, code)
		}
	}
	cases := []struct {
		name    string
		handler http.HandlerFunc
		want    int32
	}{
		{"busy", refuse(503, "busy", ""), 3},
		{"busy, asks for no wait", refuse(503, "busy", "0"), 3},
		{"busy until a date that is over", refuse(503, "busy", "Mon, 02 Jan 2006 15:04:05 GMT"), 3},
		{"busy for longer than we wait", refuse(503, "busy", "11"), 1},
		{"busy until a date too far away", refuse(503, "busy", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)), 1},
		{"busy, nonsense for a wait", refuse(503, "busy", "-1"), 3},
		{"too many requests", refuse(429, "quota_exceeded", ""), 3},
		{"the attempt before still runs", refuse(409, "idempotency_in_progress", ""), 3},
		{"gateway without a server", html(502), 3},
		{"connection breaks", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 3},
		{"answer breaks off", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"id":`)
		}, 3},
		{"conflict", refuse(409, "conflict", ""), 1},
		{"refused", refuse(422, "unknown_sku", ""), 1},
		{"our fault", refuse(500, "internal", ""), 1},
		{"another server", html(404), 1},
		{"not JSON", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }, 1},
		{"redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }, 1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var requests, told atomic.Int32
			api := setup(t, func(w http.ResponseWriter, r *http.Request) {
				requests.Add(1)
				if r.Method != http.MethodPost || r.Header.Get("Idempotency-Key") != `"k"` {
					t.Errorf("%s with key %s", r.Method, r.Header.Get("Idempotency-Key"))
				}
				c.handler(w, r)
			}, func(config *client.Config) {
				config.Retry.Attempts = 3
				config.Retry.Notify = func(error, time.Duration) { told.Add(1) }
			})
			answer, err := api.PlaceOrder(t.Context(), "k", client.PlaceOrder{})
			if err == nil {
				t.Errorf("no error but %+v", answer)
			}
			if requests.Load() != c.want || told.Load() != c.want-1 {
				t.Errorf("%d requests, told %d times; want %d requests (%v)", requests.Load(), told.Load(), c.want, err)
			}
		})
	}
}

func TestAnswersThatAreNotOurs(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, body, want string }{
		{"not JSON", "ok", "answered 200 (text/plain), which is not an answer of Ordo"},
		{"no list", `{"status":"ok"}`, "decode answer: no list of orders in it"},
		{"too large", `{"orders":[]` + strings.Repeat(" ", 16<<20) + "}", "GET /v1/orders: the answer is over 16777216 bytes"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			api := setup(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, c.body) })
			page, err := api.Orders(t.Context(), client.ListOrders{})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %+v, %v; want %s", page.Value, err, c.want)
			}
		})
	}
}

// What is not found may be what the wait was for: "nothing here" and "not yet" are told apart.
func TestNotFoundYet(t *testing.T) {
	t.Parallel()
	for after, want := range map[string]bool{"orders:9": true, "": false} {
		api := setup(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Has("after") {
				w.Header().Set("Ordo-Stale", "true")
			}
			problem(w, 404, "not_found")
		})
		_, err := api.Order(t.Context(), "0", after)
		if no, ok := errors.AsType[*client.ProblemError](err); !ok || no.Stale != want {
			t.Errorf("after %q: %v", after, err)
		}
	}
}

func TestPlaceOrderStopsWaitingWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	api := setup(t, func(w http.ResponseWriter, _ *http.Request) { problem(w, 503, "busy") }, func(config *client.Config) {
		config.Retry.Wait = time.Hour
		config.Retry.MaxWait = time.Hour
		config.Retry.Notify = func(error, time.Duration) { cancel() }
	})
	if _, err := api.PlaceOrder(ctx, "k", client.PlaceOrder{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want Canceled", err)
	}
}

func TestNoAnswerInTime(t *testing.T) {
	t.Parallel()
	api := setup(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		func(config *client.Config) { config.Timeout = time.Millisecond })
	_, err := api.Order(t.Context(), "o", "")
	var unreachable *client.UnreachableError
	if !errors.As(err, &unreachable) || !strings.HasSuffix(err.Error(), ": no answer within 1ms") {
		t.Errorf("got %v", err)
	}
}
