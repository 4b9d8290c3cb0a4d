package main

import (
	"net/http"
	"testing"
)

func TestHealth(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, body string
		status     int
		exit       int
		out, err   string
	}{
		{
			"green", `{"status":"pass","checks":{"kafka":[{"status":"pass"}],"relay":[{"componentId":"orders","status":"warn","output":"slow"}]}}`, 200,
			0, "CHECK         STATUS  DETAIL\nkafka         pass    \nrelay orders  warn    slow\nall           pass\n", "",
		},
		{
			"red", `{"status":"fail","checks":{"kafka":[{"status":"fail","output":"no\tbroker"}],"postgres":[{"status":"pass"}]}}`, 503,
			6, "CHECK     STATUS  DETAIL\nkafka     fail    no broker\npostgres  pass    \nall       fail\n",
			"the platform is not ready: kafka. [not_ready, exit 6]\n",
		},
		{
			"red without a check", `{"status":"fail"}`, 503,
			6, "CHECK  STATUS  DETAIL\nall    fail\n", "the platform is not ready. [not_ready, exit 6]\n",
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			url := api(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/readyz" || !r.URL.Query().Has("verbose") {
					t.Errorf("asked for %s", r.URL)
				}
				w.Header().Set("Content-Type", "application/health+json")
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body))
			})
			if got, want := ordo(t.Context(), "health", url), (result{c.exit, c.out, c.err}); got != want {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
			if got, want := ordo(t.Context(), "health", url, "-o=json"), (result{c.exit, c.body + "\n", c.err}); got != want {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})
	}
}
