package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/ordo-platform/ordo/internal/testenv"
)

// result is what a call of the command line left behind.
type result struct {
	exit     int
	out, err string
}

// ordo runs the command line in this process.
func ordo(ctx context.Context, args ...string) result {
	var out, err bytes.Buffer
	exit := run(ctx, args, strings.NewReader(""), &out, &err)
	return result{exit, out.String(), err.String()}
}

// api serves handler in place of the platform and returns the flag that leads to it.
func api(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return "--url=" + server.URL
}

// answer writes a JSON answer, as a problem document from 400 on.
func answer(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	if status >= 400 {
		w.Header().Set("Content-Type", "application/problem+json")
	}
	w.WriteHeader(status)
	_, _ = fmt.Fprint(w, body)
}

// closedPort is an address nobody listens on, nor will.
func closedPort(t *testing.T) string {
	t.Helper()
	return "http://" + testenv.Address(t)
}

func TestUsageMistakes(t *testing.T) {
	t.Parallel()
	cases := []struct{ args, want string }{
		{"--bogus", `ordo: unknown flag: --bogus. See: ordo --help`},
		{"ordr", `ordo: unknown command "ordr", did you mean order? See: ordo --help`},
		{"zzz", `ordo: unknown command "zzz". See: ordo --help`},
		{"order plcae --customer c", `ordo order: unknown command "plcae", did you mean place? See: ordo order --help`},
		{"order --bogus", `ordo order: unknown flag: --bogus. See: ordo order --help`},
		{"help order plcae", `ordo order: unknown command "plcae", did you mean place? See: ordo order --help`},
		{"completion zzz", `ordo completion: unknown command "zzz", did you mean zsh? See: ordo completion --help`},
		{"order get", `ordo order get: the order id is missing. See: ordo order get --help`},
		{"order get a b", `ordo order get: unexpected argument "b". See: ordo order get --help`},
		{"health now", `ordo health: unexpected argument "now". See: ordo health --help`},
		{"version -o xml", `ordo version: invalid argument "xml" for "-o, --output" flag: want one of text, json. See: ordo version --help`},
		{"health --url ftp://x", `ordo health: --url: address "ftp://x": want one like http://127.0.0.1:8080. See: ordo health --help`},
		{"order list --limit x", `ordo order list: invalid argument "x" for "--limit" flag: want a number. See: ordo order list --help`},
		{"order list --limit 201", `ordo order list: --limit 201: want 1 to 200. See: ordo order list --help`},
		{"order list --limit 0", `ordo order list: --limit 0: want 1 to 200. See: ordo order list --help`},
		{"order place", `ordo order place: required flag(s) "customer", "line" not set. See: ordo order place --help`},
		{"order place --customer= --line T=1", `ordo order place: --customer is empty. See: ordo order place --help`},
		{"order place --customer c --line TEA", `ordo order place: invalid argument "TEA" for "--line" flag: want SKU=QTY, like TEA=2. See: ordo order place --help`},
		{"order place --customer c --line =1", `ordo order place: invalid argument "=1" for "--line" flag: want SKU=QTY, like TEA=2. See: ordo order place --help`},
		{"order place --customer c --line T=0", `ordo order place: invalid argument "T=0" for "--line" flag: want a whole number of at least 1 after the =. See: ordo order place --help`},
		{"order place --customer c --line T=1 --key é", `ordo order place: invalid argument "é" for "--key" flag: want printable ASCII characters only. See: ordo order place --help`},
		{"order place --customer c --line T=1 --timeout 1s", `ordo order place: --timeout needs --wait. See: ordo order place --help`},
		{"dev now", `ordo dev: unexpected argument "now". See: ordo dev --help`},
		{"dev --http-addr 127.0.0.1", `ordo dev: invalid argument "127.0.0.1" for "--http-addr" flag: want HOST:PORT, like 127.0.0.1:8080. See: ordo dev --help`},
		{"dev --http-addr http://[::1]:80", `ordo dev: invalid argument "http://[::1]:80" for "--http-addr" flag: want HOST:PORT, like 127.0.0.1:8080. See: ordo dev --help`},
		{"dev --http-addr :65536", `ordo dev: invalid argument ":65536" for "--http-addr" flag: want HOST:PORT, like 127.0.0.1:8080. See: ordo dev --help`},
		{"dev --data-dir=", `ordo dev: --data-dir is empty. See: ordo dev --help`},
		{"dev --database-url=", `ordo dev: --database-url is empty. See: ordo dev --help`},
		{"dev --kafka-brokers=", `ordo dev: --kafka-brokers is empty. See: ordo dev --help`},
		{"dev --database-url mysql://u:p@ss/w:ord@db/x", `ordo dev: --database-url is not the address of a Postgres server: want one like postgres://ordo@db.example.com/postgres. See: ordo dev --help`},
		{"dev reset --yes --data-dir=", `ordo dev reset: --data-dir is empty. See: ordo dev reset --help`},
		{"order place --customer c --line T=1 --wait --timeout 0s", `ordo order place: --timeout 0s: want more than 0s. See: ordo order place --help`},
	}
	for _, c := range cases {
		t.Run(c.args, func(t *testing.T) {
			t.Parallel()
			got := ordo(t.Context(), strings.Fields(c.args)...)
			if want := (result{2, "", c.want + " [usage, exit 2]\n"}); got != want {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})
	}
}

// TestFailures holds the texts and exit codes for what can go wrong with a request that was sent.
func TestFailures(t *testing.T) {
	t.Parallel()
	place := "order place --customer c --line TEA=2 --key k"
	cases := []struct {
		name, args string
		status     int
		header     string // name=value
		body       string
		exit       int
		want       string
	}{
		{
			"unknown order", "order get o-1", 404, "",
			`{"type":"/problems/not_found","title":"Not found","status":404,"detail":"There is no such order.","code":"not_found","trace_id":"4bf92f"}`,
			3, "order o-1: There is no such order. See which there are: ordo order list [not_found, exit 3, trace 4bf92f]\n",
		},
		{
			"code from type alone", "order history o-1", 404, "",
			`{"type":"https://ordo.example/problems/not-found","title":"Not found"}`,
			3, "order o-1: Not found. See which there are: ordo order list [not-found, exit 3]\n",
		},
		{
			"field", place, 422, "",
			`{"title":"Unknown SKU","detail":"no product TEA","code":"unknown_sku","field":"lines[0].sku","errors":[{"code":"unknown_sku","field":"lines[0].sku","detail":"no product TEA"},{"code":"too_many","field":"lines[1]","detail":"too many"}],"trace_id":"4bf92f"}`,
			1, "place order: no product TEA (field lines[0].sku; lines[1]: too many). [unknown_sku, exit 1, trace 4bf92f]\n",
		},
		{
			"malformed", place, 400, "", `{"title":"Malformed","code":"malformed_json"}`,
			2, "place order: Malformed. [malformed_json, exit 2]\n",
		},
		{
			"conflict", place, 409, "", `{"detail":"the order is shipped","code":"invalid_state"}`,
			4, "place order: the order is shipped. [invalid_state, exit 4]\n",
		},
		{
			"changed meanwhile", place, 412, "", `{"detail":"you had version 3, now 5","code":"version_conflict"}`,
			4, "place order: you had version 3, now 5. [version_conflict, exit 4]\n",
		},
		{
			"key of another order", place, 422, "", `{"detail":"the key was used for another request","code":"idempotency_key_reused"}`,
			4, "place order: the key was used for another request. Use another --key, or none. [idempotency_key_reused, exit 4]\n",
		},
		{
			"not able for long", place, 503, "Retry-After=3600", `{"detail":"the store is busy","code":"busy"}`,
			5, "place order: the store is busy. Try again a little later. [busy, exit 5]\n",
		},
		{
			"outcome unknown", place, 503, "Retry-After=3600", `{"detail":"the outcome is unknown","code":"outcome_unknown"}`,
			5, "place order: the outcome is unknown. Try again with the same --key, it cannot happen twice. [outcome_unknown, exit 5]\n",
		},
		{
			"broken", "order list", 500, "", `{"title":"Internal error","trace_id":"4bf92f"}`,
			1, "list orders: Internal error. [http_500, exit 1, trace 4bf92f]\n",
		},
		{
			"line breaks and escapes stay harmless", "order list", 500, "", `{"title":"a\nb\u001b[31m\u202e","code":"x"}`,
			1, "list orders: a b�[31m�. [x, exit 1]\n",
		},
		{
			"gateway without platform", "order list", 502, "Content-Type=text/html", `<html>`,
			5, "list orders: URL/v1/orders answered 502 (text/html), which is not an answer of Ordo. Try again a little later. [unreachable, exit 5]\n",
		},
		{
			"another program on the port", "order get o-1", 404, "Content-Type=text/html", `<html>`,
			1, "order o-1: URL/v1/orders/o-1 answered 404 (text/html), which is not an answer of Ordo. Check --url and ORDO_URL. [unexpected_answer, exit 1]\n",
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			url := api(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/problem+json")
				if name, value, ok := strings.Cut(c.header, "="); ok {
					w.Header().Set(name, value)
				}
				w.WriteHeader(c.status)
				_, _ = fmt.Fprint(w, c.body)
			})
			got := ordo(t.Context(), append(strings.Fields(c.args), url)...)
			got.err = strings.ReplaceAll(got.err, strings.TrimPrefix(url, "--url="), "URL")
			if want := (result{c.exit, "", c.want}); got != want {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})
	}
}

func TestNotRunning(t *testing.T) {
	t.Parallel()
	url := closedPort(t)
	for _, args := range []string{"order get o-1", "order history o-1", "order list", "order list --all", "health"} {
		got := ordo(t.Context(), append(strings.Fields(args), "--url", url)...)
		want := result{5, "", "cannot reach Ordo at " + url + ": connection refused. Start it with: ordo dev [unreachable, exit 5]\n"}
		if got != want {
			t.Errorf("%s:\ngot  %+v\nwant %+v", args, got, want)
		}
	}
}

func TestNotRunningElsewhere(t *testing.T) {
	t.Parallel()
	got := ordo(t.Context(), "health", "--url", "http://ordo.invalid")
	if got.exit != 5 || !strings.Contains(got.err, "cannot reach Ordo at http://ordo.invalid: ") ||
		!strings.HasSuffix(got.err, " Check --url and ORDO_URL. [unreachable, exit 5]\n") {
		t.Errorf("got %+v", got)
	}
}

func TestInterrupted(t *testing.T) {
	t.Parallel()
	for _, args := range []string{"order get o-1", "order list", "health", "order place --customer c --line T=1 --key k"} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			ctx, interrupt := context.WithCancel(t.Context())
			url := api(t, func(_ http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body) // or the server does not notice who goes away
				interrupt()
				<-r.Context().Done() // no answer will come
			})
			got := ordo(ctx, append(strings.Fields(args), url)...)
			if want := (result{130, "", "interrupted. [interrupted, exit 130]\n"}); got != want {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"--help"}, {"help"}} {
		got := ordo(t.Context(), args...)
		if got.exit != 0 || got.err != "" || !strings.Contains(got.out, "130  interrupted") || !strings.Contains(got.out, "  order ") {
			t.Errorf("%q: %+v", args, got)
		}
	}
	for _, args := range [][]string{{"order", "get", "-h"}, {"help", "order", "get"}} {
		if got := ordo(t.Context(), args...); got.exit != 0 || !strings.Contains(got.out, "ordo order get ID") {
			t.Errorf("%q: %+v", args, got)
		}
	}
}

// TestEveryCommandExplainsItself holds for commands that are added later, too.
func TestEveryCommandExplainsItself(t *testing.T) {
	t.Parallel()
	var check func(cmd *cobra.Command)
	check = func(cmd *cobra.Command) {
		if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("%s: Short %q: want a phrase", cmd.CommandPath(), cmd.Short)
		}
		if cmd.Runnable() && cmd.Example == "" {
			t.Errorf("%s: no Example", cmd.CommandPath())
		}
		for _, member := range cmd.Commands() {
			check(member)
		}
	}
	check(newRootCommand())
}

func TestCompletion(t *testing.T) {
	t.Parallel()
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if got := ordo(t.Context(), "completion", shell); got.exit != 0 || got.err != "" || !strings.Contains(got.out, "ordo") {
			t.Errorf("%s: exit %d, %d bytes, %q", shell, got.exit, len(got.out), got.err)
		}
	}
	url := api(t, func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 200, `{"orders":[{"id":"o-1","status":"placed","total":{"amount":1990,"currency":"EUR"}}]}`)
	})
	for args, want := range map[string]string{
		"order get":           "o-1\tplaced, 19.90 EUR\n",
		"help order":          "history\t",
		"order list --status": "needs_attention\n",
	} {
		got := ordo(t.Context(), append(append([]string{"__complete", url}, strings.Fields(args)...), "")...)
		if got.exit != 0 || !strings.Contains(got.out, want) {
			t.Errorf("%s: want %q in %+v", args, want, got)
		}
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	got := ordo(t.Context(), "version", "-o", "json")
	if got.exit != 0 || !strings.HasPrefix(got.out, `{"version":"`) || !strings.Contains(got.out, `"commit":`) || !strings.Contains(got.out, `"go":"go1.`) {
		t.Errorf("got %+v", got)
	}
	for _, args := range []string{"version", "--version"} {
		if got := ordo(t.Context(), args); got.exit != 0 || !strings.Contains(got.out, readBuild().Version) {
			t.Errorf("%s: %+v", args, got)
		}
	}
}
