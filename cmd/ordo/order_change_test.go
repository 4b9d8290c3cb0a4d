package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

func accepted(body string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Ordo-Position", "orders:44")
		answer(w, 202, body)
	}
}

func TestOrderCancelAndShip(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args       []string
		path, body string
		answer     string
		text       string
		wait       script // what GET says, with --wait
		after      string // the body in the end
	}{
		{
			[]string{"cancel", "o/1", "--reason=ordered twice"},
			"/v1/orders/o%2F1/cancel", `{"reason":"ordered twice"}`,
			`{"id":"o/1","status":"cancelling","version":4,"reason":"on_request"}`, "order   o/1\nstatus  cancelling\nreason  on_request\n",
			script{say200("cancelling"), say200("cancelled")},
			`{"id":"o-1","status":"cancelled"}`,
		},
		{
			[]string{"ship", "o/1", "--carrier=DHL", "--tracking-number=JD1"},
			"/v1/orders/o%2F1/ship", `{"carrier":"DHL","tracking_number":"JD1"}`,
			`{"id":"o/1","status":"confirmed","version":4,"shipment":{"carrier":"DHL","tracking_number":"JD1"}}`,
			"order     o/1\nstatus    confirmed\nshipment  DHL  JD1\n",
			script{say200("confirmed"), say200("shipped")},
			`{"id":"o-1","status":"shipped"}`,
		},
		{
			[]string{"ship", "o/1", "--carrier=DHL", "--tracking-number=JD1"},
			"/v1/orders/o%2F1/ship", `{"carrier":"DHL","tracking_number":"JD1"}`,
			`{"id":"o/1","status":"confirmed","version":4}`, "order   o/1\nstatus  confirmed\n",
			script{say200("confirmed"), say200("needs_attention")},
			`{"id":"o-1","status":"needs_attention"}`,
		},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			t.Parallel()
			p := &platform{post: script{busy, accepted(c.answer)}, get: c.wait}
			url := api(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost && r.URL.EscapedPath() != c.path {
					t.Errorf("%s %s", r.Method, r.URL.EscapedPath())
				}
				p.serve(w, r)
			})
			args := append([]string{"order"}, c.args...)
			got := ordo(t.Context(), append(slices.Clip(args), url)...)
			if got.exit != 0 || got.out != c.text || !strings.Contains(got.err, "trying again") {
				t.Errorf("got %+v", got)
			}
			if !slices.Equal(p.bodies, []string{c.body, c.body}) {
				t.Errorf("sent %s", p.bodies)
			}
			if got := ordo(t.Context(), append(slices.Clip(args), "-o=json", url)...); got != (result{0, c.answer + "\n", ""}) {
				t.Errorf("got %+v", got)
			}
			if got := ordo(t.Context(), append(slices.Clip(args), "-o=json", "--wait", url)...); got != (result{0, c.after + "\n", ""}) {
				t.Errorf("after waiting: %+v", got)
			}
			if !slices.Equal(p.after, []string{"orders:44", "orders:44"}) {
				t.Errorf("after %q", p.after)
			}
		})
	}
}

func TestOrderCancelAndShipFail(t *testing.T) {
	t.Parallel()
	conflict := api(t, func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 409, `{"code":"invalid_state","status":409,"detail":"the order is shipped: that is an end"}`)
	})
	missing := api(t, func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 404, `{"code":"not_found","status":404,"detail":"there is no such order"}`)
	})
	for _, c := range []struct {
		args []string
		exit int
		err  string
	}{
		{[]string{"cancel", "o-1", "--reason=x", conflict}, 4, "order o-1: the order is shipped: that is an end"},
		{[]string{"ship", "o-1", "--carrier=x", "--tracking-number=1", missing}, 3, "See which there are: ordo order list"},
		{[]string{"cancel", "o-1", conflict}, 2, `"reason" not set`},
		{[]string{"cancel", "--reason=x", conflict}, 2, "the order id"},
		{[]string{"ship", "o-1", "--carrier=x", conflict}, 2, `"tracking-number" not set`},
		{[]string{"ship", "o-1", "--carrier=x", "--tracking-number=1", "--timeout=1s", conflict}, 2, "--timeout needs --wait"},
	} {
		got := ordo(t.Context(), append([]string{"order"}, c.args...)...)
		if got.exit != c.exit || !strings.Contains(got.err, c.err) || got.out != "" {
			t.Errorf("%v: %+v", c.args, got)
		}
	}
}
