package main

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
)

const detail = `{"id":"o-1","status":"rejected","version":4,"customer_id":"c-1","payment_method":"pm_ok",
"lines":[{"sku":"TEA","quantity":2,"unit_price":{"amount":995,"currency":"EUR"}},{"sku":"MUG-BLUE","quantity":10,"unit_price":{"amount":1200,"currency":"EUR"}}],
"total":{"amount":13990,"currency":"EUR"},"reason":"out_of_stock","shortages":[{"sku":"MUG-BLUE","requested":10,"available":3}],
"placed_at":"2026-11-23T16:00:00.5Z","updated_at":"2026-11-23T18:00:01+02:00",
"history":[{"type":"OrderPlaced","version":1,"position":41,"at":"2026-11-23T16:00:00.5Z"},{"type":"OrderRejected","version":2,"position":45,"at":"2026-11-23T16:00:01Z"}]}`

func TestOrderGet(t *testing.T) {
	t.Parallel()
	url := api(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.EscapedPath() != "/v1/orders/o%2F1" {
			t.Errorf("%s %s", r.Method, r.URL.EscapedPath())
		}
		answer(w, 200, detail)
	})
	want := `order     o-1
status    rejected
reason    out_of_stock
shortage  MUG-BLUE: 10 wanted, 3 available
customer  c-1
payment   pm_ok
line      2 x TEA        at 9.95 EUR
line      10 x MUG-BLUE  at 12.00 EUR
total     139.90 EUR
placed    2026-11-23T16:00:00.500Z
updated   2026-11-23T16:00:01.000Z
event     1  OrderPlaced    2026-11-23T16:00:00.500Z
event     2  OrderRejected  2026-11-23T16:00:01.000Z
`
	if got := ordo(t.Context(), "order", "get", "o/1", url); got != (result{0, want, ""}) {
		t.Errorf("got\n%s%+v\nwant\n%s", got.out, got, want)
	}
	if got := ordo(t.Context(), "order", "get", "o/1", url, "-o", "json"); got != (result{0, detail + "\n", ""}) {
		t.Errorf("json is not the body: %+v", got)
	}
}

func TestOrderHistory(t *testing.T) {
	t.Parallel()
	body := `{"events":[{"type":"OrderPlaced","version":1,"position":41,"id":"e-1","at":"2026-11-23T16:00:00Z","data":{"big":9007199254740993}},` +
		`{"type":"OrderConfirmed","version":2,"position":112,"id":"e-2","at":"2026-11-23T16:00:01Z","data":{}}]}`
	url := api(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/orders/o-1/events" {
			t.Errorf("path %s", r.URL.Path)
		}
		answer(w, 200, body)
	})
	want := `VERSION  TYPE            AT                        POSITION
1        OrderPlaced     2026-11-23T16:00:00.000Z  41
2        OrderConfirmed  2026-11-23T16:00:01.000Z  112
`
	if got := ordo(t.Context(), "order", "history", "o-1", url); got != (result{0, want, ""}) {
		t.Errorf("got\n%s%+v\nwant\n%s", got.out, got, want)
	}
	if got := ordo(t.Context(), "order", "history", "o-1", url, "-o", "json"); got != (result{0, body + "\n", ""}) {
		t.Errorf("json is not the body: %+v", got)
	}
}

// pages serves two pages of orders, or the body for a query without a cursor.
func pages(t *testing.T) string {
	return api(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("cursor") {
		case "":
			answer(w, 200, `{"orders":[{"id":"o-1","status":"confirmed","total":{"amount":1990,"currency":"EUR"},"placed_at":"2026-11-23T16:00:00Z","customer_id":"c-1","more":1}],"next_cursor":"p2"}`)
		case "p2":
			answer(w, 200, `{"orders":[{"id":"o-2","status":"awaiting_payment","total":{"amount":1990,"currency":"JPY"},"placed_at":"2026-11-23T15:00:00Z","customer_id":"c\t2"}],"next_cursor":""}`)
		default:
			t.Errorf("query %s", r.URL.RawQuery)
		}
	})
}

func TestListOnePage(t *testing.T) {
	t.Parallel()
	queries := make(chan string, 1)
	url := api(t, func(w http.ResponseWriter, r *http.Request) {
		queries <- r.URL.RawQuery
		answer(w, 200, `{"orders":[],"next_cursor":""}`)
	})
	got := ordo(t.Context(), "order", "list", "--status=shipped", "--customer=c 1", "--limit=7", "--cursor=p&1", url)
	if got != (result{0, "", "No orders.\n"}) {
		t.Errorf("got %+v", got)
	}
	if query := <-queries; query != "cursor=p%261&customer_id=c+1&limit=7&status=shipped" {
		t.Errorf("query %s", query)
	}

	want := result{
		0,
		"ORDER  STATUS            TOTAL           PLACED                    CUSTOMER\n" +
			"o-1    confirmed              19.90 EUR  2026-11-23T16:00:00.000Z  c-1\n",
		"There are more: add --cursor p2, or --all\n",
	}
	if got := ordo(t.Context(), "order", "list", pages(t)); got != want {
		t.Errorf("got\n%s%+v\nwant\n%s", got.out, got, want.out)
	}
}

func TestListAllPages(t *testing.T) {
	t.Parallel()
	url := pages(t)
	want := result{
		0,
		"ORDER  STATUS            TOTAL           PLACED                    CUSTOMER\n" +
			"o-1    confirmed              19.90 EUR  2026-11-23T16:00:00.000Z  c-1\n" +
			"o-2    awaiting_payment        1990 JPY  2026-11-23T15:00:00.000Z  c 2\n",
		"",
	}
	if got := ordo(t.Context(), "order", "list", "--all", url); normalise(got) != normalise(want) {
		t.Errorf("got\n%s%+v\nwant\n%s", got.out, got, want.out)
	}
	want.out = `{"orders":[{"id":"o-1","status":"confirmed","total":{"amount":1990,"currency":"EUR"},"placed_at":"2026-11-23T16:00:00Z","customer_id":"c-1","more":1},
{"id":"o-2","status":"awaiting_payment","total":{"amount":1990,"currency":"JPY"},"placed_at":"2026-11-23T15:00:00Z","customer_id":"c\t2"}]}
`
	if got := ordo(t.Context(), "order", "list", "--all", "-o", "json", url); got != want {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}

	none := api(t, func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, `{"orders":[]}`) })
	if got := ordo(t.Context(), "order", "list", "--all", "-o", "json", none); got != (result{0, "{\"orders\":[]}\n", ""}) {
		t.Errorf("no orders: %+v", got)
	}
}

// normalise leaves the width of the columns aside: pages are aligned each for itself.
func normalise(r result) result {
	r.out = strings.Join(strings.Fields(r.out), " ")
	return r
}

func TestListAllEndsOnACursorThatLeadsNowhere(t *testing.T) {
	t.Parallel()
	url := api(t, func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 200, `{"orders":[{"id":"o-1"}],"next_cursor":"p"}`)
	})
	got := ordo(t.Context(), "order", "list", "--all", url)
	if got.exit != 1 || !strings.Contains(got.err, "the next page has the cursor of this one") {
		t.Errorf("got %+v", got)
	}
}

// platform is an API that plays a script for POST /v1/orders and one for GET /v1/orders/{id}, and remembers requests.
type platform struct {
	mu          sync.Mutex
	post, get   []func(w http.ResponseWriter, r *http.Request)
	keys, after []string
	bodies      []string
}

func (p *platform) serve(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	script := &p.get
	if r.Method == http.MethodPost {
		body, _ := io.ReadAll(r.Body)
		p.keys, p.bodies = append(p.keys, r.Header.Get("Idempotency-Key")), append(p.bodies, string(body))
		script = &p.post
	} else {
		p.after = append(p.after, r.URL.Query().Get("after"))
	}
	next := (*script)[0]
	if len(*script) > 1 { // the last step repeats itself
		*script = (*script)[1:]
	}
	next(w, r)
}

func say200(status string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, `{"id":"o-1","status":"`+status+`"}`) }
}

func placed(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Ordo-Position", "orders:41")
	answer(w, 201, `{"id":"o-1","status":"placed","version":1}`)
}

func busy(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Retry-After", "0")
	answer(w, 503, `{"detail":"the store is busy","code":"busy"}`)
}

func hangUp(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

type script = []func(http.ResponseWriter, *http.Request)

func TestPlaceRepeatsUnderOneKey(t *testing.T) {
	t.Parallel()
	p := &platform{post: script{busy, busy, placed}}
	got := ordo(t.Context(), "order", "place", "--customer", "c-1", "--line", "TEA=2", "--line", "A=B=1", "-o", "json", api(t, p.serve))

	if got.exit != 0 || got.out != `{"id":"o-1","status":"placed","version":1}`+"\n" {
		t.Errorf("got %+v", got)
	}
	words := strings.Split(got.err, "\n")
	if len(words) != 4 || words[1] != "the store is busy; trying again in 0s" || words[2] != words[1] {
		t.Errorf("stderr %q", got.err)
	}
	key := strings.Fields(words[0])[3]
	if len(key) != 36 || !slices.Equal(p.keys, []string{`"` + key + `"`, `"` + key + `"`, `"` + key + `"`}) {
		t.Errorf("told key %s, sent %s", key, p.keys)
	}
	want := `{"customer_id":"c-1","lines":[{"sku":"TEA","quantity":2},{"sku":"A=B","quantity":1}],"payment_method":"pm_ok"}`
	if !slices.Equal(p.bodies, []string{want, want, want}) {
		t.Errorf("bodies %s", p.bodies)
	}
}

func TestPlaceAfterLostAnswer(t *testing.T) {
	t.Parallel()
	p := &platform{post: script{hangUp, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Idempotent-Replayed", "true")
		placed(w, r)
	}}}
	got := ordo(t.Context(), "order", "place", "--customer=c-1", "--line=TEA=2", `--key=my "own"\key`, api(t, p.serve))
	if got.exit != 0 || !strings.HasPrefix(got.out, "order   o-1\nstatus  placed\n") {
		t.Errorf("got %+v", got)
	}
	if strings.Contains(got.err, "Placing") || !strings.Contains(got.err, "trying again") ||
		!strings.Contains(got.err, "Order o-1 was placed before with this key\n") {
		t.Errorf("stderr %q", got.err)
	}
	if want := `"my \"own\"\\key"`; !slices.Equal(p.keys, []string{want, want}) {
		t.Errorf("keys %s", p.keys)
	}
}

func TestPlaceWait(t *testing.T) {
	t.Parallel()
	notYet := func(w http.ResponseWriter, _ *http.Request) { answer(w, 404, `{"code":"not_found"}`) }
	for _, end := range []string{"confirmed", "rejected", "needs_attention"} {
		t.Run(end, func(t *testing.T) {
			t.Parallel()
			p := &platform{post: script{placed}, get: script{notYet, busy, say200("awaiting_payment"), say200(end)}}
			got := ordo(t.Context(), "order", "place", "--customer=c-1", "--line=TEA=2", "--key=k", "--wait", "-o=json", api(t, p.serve))
			if got != (result{0, `{"id":"o-1","status":"` + end + `"}` + "\n", ""}) {
				t.Errorf("got %+v", got)
			}
			if want := "orders:41"; !slices.Equal(p.after, []string{want, want, want, want}) {
				t.Errorf("after %q", p.after)
			}
		})
	}
}

func TestPlaceWaitTakesTooLong(t *testing.T) {
	t.Parallel()
	p := &platform{post: script{placed}, get: script{say200("awaiting_payment"), busy}}
	got := ordo(t.Context(), "order", "place", "--customer=c-1", "--line=TEA=2", "--key=k", "--wait", "--timeout=100ms", "-o=json", api(t, p.serve))
	want := result{
		1,
		`{"id":"o-1","status":"awaiting_payment"}` + "\n",
		"order o-1 is still awaiting_payment after 100ms (the store is busy). Look again later: ordo order get o-1 [timeout, exit 1]\n",
	}
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestPlaceWaitInterrupted(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	p := &platform{post: script{placed}, get: script{func(_ http.ResponseWriter, r *http.Request) {
		interrupt()
		<-r.Context().Done()
	}}}
	got := ordo(ctx, "order", "place", "--customer=c-1", "--line=TEA=2", "--key=k", "--wait", "-o=json", api(t, p.serve))
	want := result{130, `{"id":"o-1","status":"placed","version":1}` + "\n", "interrupted. [interrupted, exit 130]\n"}
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestPlaceWaitFails(t *testing.T) {
	t.Parallel()
	p := &platform{post: script{placed}, get: script{func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 500, `{"title":"Internal error","code":"internal"}`)
	}}}
	got := ordo(t.Context(), "order", "place", "--customer=c-1", "--line=TEA=2", "--key=k", "--wait", "-o=json", api(t, p.serve))
	want := result{1, `{"id":"o-1","status":"placed","version":1}` + "\n", "order o-1: Internal error. [internal, exit 1]\n"}
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}
