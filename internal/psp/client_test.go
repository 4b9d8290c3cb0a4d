package psp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// newClient returns a client of a provider that is h.
func newClient(t *testing.T, h http.Handler, timeout time.Duration) (*Client, *httptest.Server) {
	t.Helper()
	server := httptest.NewServer(h)
	client, err := NewClient(ClientConfig{BaseURL: server.URL, Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.Close()
		server.CloseClientConnections() // ends the contexts of calls that hang
		server.Close()
	})
	return client, server
}

func request(key, method string) AuthorizeRequest {
	return AuthorizeRequest{Key: key, OrderID: "order-of-" + key, Amount: 1990, Currency: "EUR", Method: method}
}

// operation is what an honest provider answers to request(key, …).
func operation(key string, change func(*Operation)) string {
	r := request(key, MethodOK)
	o := Operation{
		Seq: 1, Key: key, Kind: KindAuthorize, Status: StatusAuthorized, AuthorizationID: "auth_1",
		Request: Request{OrderID: r.OrderID, Amount: r.Amount, Currency: r.Currency, Method: r.Method},
	}
	if change != nil {
		change(&o)
	}
	line, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	return string(line)
}

// answers is a handler that always says the same.
func answers(status int, body string) http.HandlerFunc {
	return answersAs("application/json; charset=utf-8", status, body)
}

func answersAs(contentType string, status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// What is not a definite answer must be unknown: each of these may come after the money has been held.
func TestClientUnknown(t *testing.T) {
	t.Parallel()
	cases := map[string]http.HandlerFunc{
		"server error":            answers(500, `{"error":{"code":"internal_error","message":"boom"}}`),
		"unavailable":             answers(503, ``),
		"too many requests":       answers(429, ``),
		"unauthorised":            answers(401, ``),
		"conflict":                answers(409, `{"error":{"code":"idempotency_in_progress"}}`),
		"bad request of a proxy":  answers(400, `<html>Bad Request</html>`),
		"bad request, other code": answers(400, `{"error":{"code":"weather"}}`),
		"wrong route":             answers(404, `404 page not found`),
		"unknown key to a verb":   answers(404, `{"error":{"code":"unknown_key"}}`),
		"code under wrong status": answers(500, `{"error":{"code":"invalid_request"}}`),
		"accepted":                answers(202, operation("k", nil)),
		"no content":              answers(204, ``),
		"200 with an error":       answers(200, `{"error":{"code":"card_error","message":"no"}}`),
		"200 with HTML":           answers(200, `<html>`),
		"200 with nothing":        answers(200, ``),
		"200 as text":             answersAs("text/plain", 200, operation("k", nil)),
		"200 as nothing":          answersAs("", 200, operation("k", nil)),
		"200 with null":           answers(200, `null`),
		"trailing data":           answers(200, operation("k", nil)+`{}`),
		"oversized":               answers(200, operation("k", nil)+strings.Repeat(" ", maxAnswerBytes)),
		"another key":             answers(200, operation("k", func(o *Operation) { o.Key = "other" })),
		"another amount":          answers(200, operation("k", func(o *Operation) { o.Request.Amount = 1 })),
		"another kind":            answers(200, operation("k", func(o *Operation) { o.Kind = "refund" })),
		"unknown status":          answers(200, operation("k", func(o *Operation) { o.Status = "pending" })),
		"no authorisation id":     answers(200, operation("k", func(o *Operation) { o.AuthorizationID = "" })),
		"declined for no reason":  answers(200, operation("k", func(o *Operation) { o.Status = StatusDeclined })),
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/elsewhere" {
				answers(200, operation("k", nil))(w, r)
				return
			}
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		},
		"reset": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"reset mid-body": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, operation("k", nil))
		},
	}
	for name, handler := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, _ := newClient(t, handler, 0)
			answer, err := client.Authorize(t.Context(), request("k", MethodOK))
			unknown := (*UnknownError)(nil)
			if !errors.As(err, &unknown) || answer != nil {
				t.Fatalf("got %v, %v; want an *UnknownError", answer, err)
			}
			if unknown.Op != "authorize" || unknown.Key != "k" {
				t.Errorf("the error names %s %s", unknown.Op, unknown.Key)
			}
		})
	}
}

// A provider that asks for a pause says so in one of two forms; that the call timed out is told apart from what failed at once.
func TestClientUnknownSaysHowLongToWait(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ least, most time.Duration }{
		"7":   {7 * time.Second, 7 * time.Second},
		"0":   {0, 0},
		"":    {0, 0},
		"-3":  {0, 0},
		"1e9": {0, 0},
		time.Now().Add(time.Minute).UTC().Format(http.TimeFormat):  {50 * time.Second, time.Minute},
		time.Now().Add(-time.Minute).UTC().Format(http.TimeFormat): {0, 0},
	}
	for value, want := range cases {
		client, _ := newClient(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", value)
			w.WriteHeader(http.StatusTooManyRequests)
		}), 0)
		_, err := client.Authorize(t.Context(), request("k", MethodOK))
		unknown := (*UnknownError)(nil)
		if !errors.As(err, &unknown) || unknown.RetryAfter < want.least || unknown.RetryAfter > want.most || unknown.TimedOut() {
			t.Errorf("Retry-After %q: %v, wait %s", value, err, unknown.RetryAfter)
		}
	}
}

func TestClientDefinite(t *testing.T) {
	t.Parallel()
	t.Run("authorised", func(t *testing.T) {
		t.Parallel()
		client, _ := newClient(t, answers(200, operation("k", nil)), 0)
		answer, err := client.Authorize(t.Context(), request("k", MethodOK))
		if answer != (Authorized{AuthorizationID: "auth_1"}) || err != nil {
			t.Fatalf("got %v, %v", answer, err)
		}
	})
	t.Run("declined", func(t *testing.T) {
		t.Parallel()
		client, _ := newClient(t, answers(200, operation("k", func(o *Operation) { o.Status, o.Reason = StatusDeclined, "stolen_card" })), 0)
		answer, err := client.Query(t.Context(), "k")
		if answer != (Declined{Reason: "stolen_card"}) || err != nil {
			t.Fatalf("got %v, %v", answer, err)
		}
	})
	for status, code := range map[int]string{400: CodeInvalidRequest, 422: CodeKeyReused} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			client, _ := newClient(t, answers(status, fmt.Sprintf(`{"error":{"code":%q,"message":"why"}}`, code)), 0)
			_, err := client.Authorize(t.Context(), request("k", MethodOK))
			rejected := (*RequestError)(nil)
			if !errors.As(err, &rejected) || rejected.Code != code || rejected.Message != "why" {
				t.Fatalf("got %v", err)
			}
		})
	}
}

func TestClientSendsNothingUnderABadKey(t *testing.T) {
	t.Parallel()
	client, _ := newClient(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("was called") }), 0)
	for _, key := range []string{"", "a b", "a\nb", "ü", strings.Repeat("k", 256)} {
		_, authErr := client.Authorize(t.Context(), request(key, MethodOK))
		_, queryErr := client.Query(t.Context(), key)
		for _, err := range []error{authErr, queryErr} {
			if rejected := (*RequestError)(nil); !errors.As(err, &rejected) {
				t.Errorf("key %q: %v", key, err)
			}
		}
	}
}

func TestClientGivesUp(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{}, 1)
	hang := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		arrived <- struct{}{}
		<-r.Context().Done()
	})
	t.Run("at the timeout", func(t *testing.T) {
		t.Parallel()
		client, _ := newClient(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		}), 20*time.Millisecond)
		_, err := client.Authorize(t.Context(), request("k", MethodOK))
		if unknown := (*UnknownError)(nil); !errors.As(err, &unknown) || !errors.Is(err, context.DeadlineExceeded) || !unknown.TimedOut() {
			t.Fatalf("got %v", err)
		}
	})
	t.Run("when the caller does", func(t *testing.T) {
		t.Parallel()
		client, _ := newClient(t, hang, time.Minute)
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			<-arrived
			cancel()
		}()
		_, err := client.Authorize(ctx, request("k", MethodOK))
		if unknown := (*UnknownError)(nil); !errors.As(err, &unknown) || !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v", err)
		}
	})
	t.Run("when nobody listens", func(t *testing.T) {
		t.Parallel()
		client, server := newClient(t, hang, 0)
		server.Close()
		_, err := client.Query(t.Context(), "k")
		if unknown := (*UnknownError)(nil); !errors.As(err, &unknown) {
			t.Fatalf("got %v", err)
		}
	})
}

func TestNewClientChecksConfig(t *testing.T) {
	t.Parallel()
	for _, cfg := range []ClientConfig{{}, {BaseURL: "127.0.0.1:80"}, {BaseURL: "ftp://h"}, {BaseURL: "http://"}, {BaseURL: "http://h?x=1"}, {BaseURL: "http://h", Timeout: -1}} {
		if _, err := NewClient(cfg); err == nil {
			t.Errorf("%+v was accepted", cfg)
		}
	}
	client, err := NewClient(ClientConfig{BaseURL: "https://provider.example/base/"})
	if err != nil {
		t.Fatal(err)
	}
	if client.base != "https://provider.example/base" || client.http.Timeout != DefaultTimeout {
		t.Errorf("base %s, timeout %s", client.base, client.http.Timeout)
	}
}
