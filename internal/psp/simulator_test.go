package psp

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

func newSimulator(t *testing.T, cfg SimulatorConfig) *Simulator {
	t.Helper()
	s, err := NewSimulator(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// setup returns a simulator that remembers in memory, and a client of it.
func setup(t *testing.T, cfg SimulatorConfig, timeout time.Duration) (*Simulator, *Client) {
	t.Helper()
	s := newSimulator(t, cfg)
	client, _ := newClient(t, s, timeout)
	return s, client
}

func mustUnknown(t *testing.T, answer Answer, err error) {
	t.Helper()
	if unknown := (*UnknownError)(nil); !errors.As(err, &unknown) {
		t.Fatalf("got %v, %v; want an *UnknownError", answer, err)
	}
}

func mustAuthorized(t *testing.T, key string, answer Answer, err error) {
	t.Helper()
	if answer != (Authorized{AuthorizationID: authorizationID(key)}) || err != nil {
		t.Fatalf("got %v, %v; want it authorised", answer, err)
	}
}

// Each method's way from the first call to the definite answer. However it went, the ledger holds one operation, and
// both a repeat and a query say what it says.
func TestSimulatorMethods(t *testing.T) {
	t.Parallel()
	authorised := Authorized{AuthorizationID: authorizationID("k")}
	cases := []struct {
		method  string
		unknown int // calls that end unknown before the first definite answer
		answer  Answer
	}{
		{MethodOK, 0, authorised},
		{MethodDeclined, 0, Declined{ReasonInsufficientFunds}},
		{MethodSlow, 0, authorised},
		{MethodFlaky, 2, authorised},
		{MethodErrorAfterCharge, 1, authorised},
		{"pm_nobody_knows", 0, Declined{ReasonInvalidMethod}},
	}
	for _, c := range cases {
		t.Run(c.method, func(t *testing.T) {
			t.Parallel()
			s, client := setup(t, SimulatorConfig{SlowDelay: time.Millisecond}, 0)
			for range c.unknown {
				answer, err := client.Authorize(t.Context(), request("k", c.method))
				mustUnknown(t, answer, err)
			}
			for range 2 {
				if answer, err := client.Authorize(t.Context(), request("k", c.method)); answer != c.answer || err != nil {
					t.Fatalf("got %v, %v; want %v", answer, err, c.answer)
				}
			}
			if answer, err := client.Query(t.Context(), "k"); answer != c.answer || err != nil {
				t.Fatalf("query: got %v, %v; want %v", answer, err, c.answer)
			}
			if n := len(s.Ledger()); n != 1 {
				t.Fatalf("the ledger has %d operations", n)
			}
		})
	}
}

// The three ways to hold money behind a caller's back: what the caller sees is unknown, what the ledger says is held.
func TestSimulatorHoldsBehindTheCallersBack(t *testing.T) {
	t.Parallel()
	cases := map[string]SimulatorConfig{
		MethodHang:             {},
		MethodSlow:             {SlowDelay: time.Hour},
		MethodErrorAfterCharge: {},
	}
	for method, cfg := range cases {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			s, client := setup(t, cfg, 50*time.Millisecond)
			answer, err := client.Authorize(t.Context(), request("k", method))
			mustUnknown(t, answer, err)
			if l := s.Ledger(); len(l) != 1 || l[0].Status != StatusAuthorized {
				t.Fatalf("ledger: %+v", l)
			}
			answer, err = client.Query(t.Context(), "k")
			mustAuthorized(t, "k", answer, err)
		})
	}
	t.Run("a hanging key hangs every time", func(t *testing.T) {
		t.Parallel()
		_, client := setup(t, SimulatorConfig{}, 20*time.Millisecond)
		for range 2 {
			answer, err := client.Authorize(t.Context(), request("k", MethodHang))
			mustUnknown(t, answer, err)
		}
	})
}

// A second call waits for what is left of the delay, so calls that each time out too early still arrive together.
func TestSimulatorSlowCountsFromTheFirstCall(t *testing.T) {
	t.Parallel()
	_, client := setup(t, SimulatorConfig{SlowDelay: 300 * time.Millisecond}, 100*time.Millisecond)
	unknown := 0
	for {
		answer, err := client.Authorize(t.Context(), request("k", MethodSlow))
		if err == nil {
			mustAuthorized(t, "k", answer, err)
			break
		}
		mustUnknown(t, answer, err)
		if unknown++; unknown == 50 {
			t.Fatal("never answered")
		}
	}
	if unknown == 0 {
		t.Error("was not slow")
	}
}

func TestSimulatorQueryBeforeTheFirstCall(t *testing.T) {
	t.Parallel()
	_, client := setup(t, SimulatorConfig{}, 0)
	_, err := client.Query(t.Context(), "k")
	if notFound := (*NotFoundError)(nil); !errors.As(err, &notFound) || notFound.Key != "k" {
		t.Fatalf("got %v", err)
	}
}

func TestSimulatorKeyReused(t *testing.T) {
	t.Parallel()
	for _, method := range []string{MethodOK, MethodDeclined, MethodFlaky, MethodErrorAfterCharge} {
		s, client := setup(t, SimulatorConfig{}, 0)
		_, _ = client.Authorize(t.Context(), request("k", method))
		before := s.Ledger()
		for _, change := range []func(*AuthorizeRequest){
			func(r *AuthorizeRequest) { r.Amount++ },
			func(r *AuthorizeRequest) { r.Currency = "USD" },
			func(r *AuthorizeRequest) { r.OrderID = "another" },
		} {
			r := request("k", method)
			change(&r)
			_, err := client.Authorize(t.Context(), r)
			if rejected := (*RequestError)(nil); !errors.As(err, &rejected) || rejected.Code != CodeKeyReused {
				t.Errorf("%s: got %v", method, err)
			}
		}
		if !reflect.DeepEqual(before, s.Ledger()) {
			t.Errorf("%s: the ledger changed", method)
		}
	}
}

func TestSimulatorInvalidRequests(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, SimulatorConfig{})
	client, server := newClient(t, s, 0)
	for _, change := range []func(*AuthorizeRequest){
		func(r *AuthorizeRequest) { r.Amount = 0 },
		func(r *AuthorizeRequest) { r.Amount = -1 },
		func(r *AuthorizeRequest) { r.Currency = "euro" },
		func(r *AuthorizeRequest) { r.OrderID = "" },
		func(r *AuthorizeRequest) { r.Method = "" },
	} {
		r := request("k", MethodOK)
		change(&r)
		_, err := client.Authorize(t.Context(), r)
		if rejected := (*RequestError)(nil); !errors.As(err, &rejected) || rejected.Code != CodeInvalidRequest {
			t.Errorf("%+v: got %v", r, err)
		}
	}
	// What the client would not send.
	for body, want := range map[string]int{"{": 400, "[]": 400, strings.Repeat(" ", maxRequestBytes+1): 413} {
		if got := post(t, server.URL, "k", body); got != want {
			t.Errorf("body %.10q: status %d", body, got)
		}
	}
	if got := post(t, server.URL, "", "{}"); got != 400 {
		t.Errorf("without a key: status %d", got)
	}
	if n := len(s.Ledger()); n != 0 {
		t.Errorf("the ledger has %d operations", n)
	}
}

func post(t *testing.T, url, key, body string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+pathAuthorizations, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Close = true
	req.Header.Set(headerKey, key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

func TestSimulatorConcurrentCallsAuthoriseOnce(t *testing.T) {
	t.Parallel()
	s, client := setup(t, SimulatorConfig{LedgerFile: filepath.Join(t.TempDir(), "ledger.jsonl")}, 0)
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			key := fmt.Sprintf("k%d", i%4)
			if answer, err := client.Authorize(t.Context(), request(key, MethodOK)); err != nil {
				t.Errorf("%s: %v, %v", key, answer, err)
			}
		})
	}
	wg.Wait()
	l := s.Ledger()
	if len(l) != 4 {
		t.Fatalf("the ledger has %d operations", len(l))
	}
	for i, o := range l {
		if o.Seq != int64(i)+1 {
			t.Errorf("operation %d has number %d", i, o.Seq)
		}
	}
}

func TestLedgerRoute(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, SimulatorConfig{})
	client, server := newClient(t, s, 0)
	read := func() (got struct{ Operations []Operation }, raw string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+pathLedger, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Close = true
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close() //nolint:errcheck // read to its end below
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(body, &got); err != nil {
			t.Fatal(err)
		}
		return got, string(body)
	}
	if _, raw := read(); raw != "{\"operations\":[]}\n" {
		t.Errorf("empty ledger: %q", raw)
	}
	for _, key := range []string{"a", "b"} {
		if _, err := client.Authorize(t.Context(), request(key, MethodOK)); err != nil {
			t.Fatal(err)
		}
	}
	if got, _ := read(); !reflect.DeepEqual(got.Operations, s.Ledger()) || len(got.Operations) != 2 {
		t.Errorf("got %+v, want %+v", got.Operations, s.Ledger())
	}
}

func TestLedgerSurvivesRestart(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "ledger.jsonl")
	first := newSimulator(t, SimulatorConfig{LedgerFile: file})
	client, _ := newClient(t, first, 0)
	for _, method := range []string{MethodOK, MethodDeclined, MethodErrorAfterCharge} {
		_, _ = client.Authorize(t.Context(), request(method, method))
	}
	want := first.Ledger()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}

	// The process died half-way through a line nobody was told about.
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"seq":4,"key":"torn","status":"auth`); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}

	second := newSimulator(t, SimulatorConfig{LedgerFile: file})
	if got := second.Ledger(); !reflect.DeepEqual(got, want) || len(got) != 3 {
		t.Fatalf("got %+v\nwant %+v", got, want)
	}
	client, _ = newClient(t, second, 0)
	// The same key gets the same answer, also where the first one never arrived.
	answer, err := client.Authorize(t.Context(), request(MethodErrorAfterCharge, MethodErrorAfterCharge))
	mustAuthorized(t, MethodErrorAfterCharge, answer, err)
	if _, err := client.Authorize(t.Context(), request("next", MethodOK)); err != nil {
		t.Fatal(err)
	}
	want = second.Ledger()
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	third := newSimulator(t, SimulatorConfig{LedgerFile: file})
	if got := third.Ledger(); !reflect.DeepEqual(got, want) || len(got) != 4 {
		t.Fatalf("got %+v\nwant %+v", got, want)
	}
}

func TestLedgerRefusesDamage(t *testing.T) {
	t.Parallel()
	line := func(seq int64, key string) string {
		return operation(key, func(o *Operation) { o.Seq = seq }) + "\n"
	}
	for name, content := range map[string]string{
		"not JSON":        line(1, "a") + "garbage\n" + line(2, "b"),
		"a missing line":  line(1, "a") + line(3, "c"),
		"a repeated key":  line(1, "a") + line(2, "a"),
		"an empty line":   "\n" + line(1, "a"),
		"starts too late": line(2, "b"),
	} {
		file := filepath.Join(t.TempDir(), "ledger.jsonl")
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if s, err := NewSimulator(SimulatorConfig{LedgerFile: file}); err == nil {
			_ = s.Close()
			t.Errorf("%s: was accepted", name)
		}
		if after, err := os.ReadFile(file); err != nil || string(after) != content {
			t.Errorf("%s: the file was changed", name)
		}
	}
}

// After a failed write the simulator does not know what the file holds: it says so to everyone until it is restarted,
// even if the next write would succeed, and never answers from memory what may not be on disk.
func TestLedgerFailsClosed(t *testing.T) {
	t.Parallel()
	s, client := setup(t, SimulatorConfig{LedgerFile: filepath.Join(t.TempDir(), "ledger.jsonl")}, 0)
	healthy := s.ledger.file
	readOnly, err := os.Open(healthy.Name())
	if err != nil {
		t.Fatal(err)
	}
	defer readOnly.Close() //nolint:errcheck // nothing was written
	for _, file := range []*os.File{readOnly, healthy} {
		s.ledger.file = file
		answer, err := client.Authorize(t.Context(), request("k", MethodOK))
		mustUnknown(t, answer, err)
	}
	if n := len(s.Ledger()); n != 0 {
		t.Errorf("the ledger has %d operations", n)
	}
}

// What may not be on disk is not told: not by the call that did it, not by one that repeats it, not when asked. And a later sync
// that succeeds says nothing about what an earlier one failed to write.
func TestNothingIsToldBeforeItIsOnDisk(t *testing.T) {
	t.Parallel()
	s, client := setup(t, SimulatorConfig{LedgerFile: filepath.Join(t.TempDir(), "ledger.jsonl")}, 0)
	healthy := s.ledger.file
	reader, pipe, err := os.Pipe() // takes what is written, and cannot be synced
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close() //nolint:errcheck // a pipe
	defer pipe.Close()   //nolint:errcheck // a pipe
	for _, file := range []*os.File{pipe, healthy} {
		s.ledger.file = file
		for range 2 {
			answer, err := client.Authorize(t.Context(), request("k", MethodOK))
			mustUnknown(t, answer, err)
			answer, err = client.Query(t.Context(), "k")
			mustUnknown(t, answer, err)
		}
	}
}

// Calls share the wait for the disk, and each is on disk when it is answered.
func TestEachAnswerIsOnDisk(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "ledger.jsonl")
	_, client := setup(t, SimulatorConfig{LedgerFile: file}, 0)
	var calls sync.WaitGroup
	for n := range 64 {
		calls.Go(func() {
			key := fmt.Sprint(n)
			answer, err := client.Authorize(t.Context(), request(key, MethodOK))
			if answer != (Authorized{AuthorizationID: authorizationID(key)}) || err != nil {
				t.Errorf("%v, %v", answer, err)
			}
			stored, err := os.ReadFile(file)
			if err != nil || !strings.Contains(string(stored), fmt.Sprintf("\"key\":%q", key)) {
				t.Errorf("%s is answered, and not in the file (%v)", key, err)
			}
		})
	}
	calls.Wait()
}
