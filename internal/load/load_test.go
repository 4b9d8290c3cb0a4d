package load

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/ordo-platform/ordo/internal/app"
	"github.com/ordo-platform/ordo/internal/client"
	"github.com/ordo-platform/ordo/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

func TestParseMix(t *testing.T) {
	t.Parallel()
	mix, err := ParseMix("declined=1, confirmed=3,slow=0")
	if err != nil || mix.String() != "confirmed=3,declined=1,slow=0" {
		t.Errorf("%s, %v", mix, err)
	}
	drawn := map[Fate]int{}
	random := rand.New(rand.NewPCG(1, 0))
	for range 4000 {
		drawn[mix.draw(random)]++
	}
	if drawn["confirmed"] < 2800 || drawn["confirmed"] > 3200 || drawn["slow"] != 0 {
		t.Errorf("drawn: %v", drawn)
	}
	for text, want := range map[string]string{
		"":                        "want FATE=WEIGHT",
		"confirmed":               "want FATE=WEIGHT",
		"confirmed=-1":            "want FATE=WEIGHT",
		"eaten=1":                 "no such fate",
		"confirmed=1,confirmed=2": "twice",
		"confirmed=0":             "all weights are zero",
	} {
		if _, err := ParseMix(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// The topic may tell of an order's end before its placing is answered, and of orders of others.
func TestBooksTakeNewsInAnyOrder(t *testing.T) {
	t.Parallel()
	b := newBooks()
	due := time.Now()
	at := func(ms int) time.Time { return due.Add(time.Duration(ms) * time.Millisecond) }
	o := func(f Fate) *sent { return &sent{fate: f, due: due, measured: true} }

	b.ended("early", client.StatusConfirmed, at(30))
	b.placed(o("confirmed"), "early", at(40))
	b.placed(o("declined"), "usual", at(10))
	b.ended("usual", client.StatusRejected, at(50))
	b.ended("usual", client.StatusConfirmed, at(90)) // an end is an end
	b.ended("of somebody else", client.StatusRejected, at(5))
	b.placed(o("confirmed"), "open", at(20))

	r := (&run{books: b}).report()
	if r.Placed != 3 || r.Ended != 2 || r.PlaceLatency.Count != 3 || r.PlaceLatency.Max < 40 || r.PlaceLatency.Max > 41 {
		t.Errorf("%+v", r)
	}
	open, wrong, confirmed := (&run{books: b}).verdicts()
	if open != 1 || wrong != 0 || confirmed != 1 {
		t.Errorf("%d open, %d wrong, %d confirmed", open, wrong, confirmed)
	}
	if f := r.Fates[1]; f.Fate != "declined" || f.Latency.Max < 50 || f.Latency.Max > 51 || f.Statuses[0] != (Count{"rejected", 1}) {
		t.Errorf("%+v", f)
	}
	b.ended("open", client.StatusRejected, at(60))
	if _, wrong, _ := (&run{books: b}).verdicts(); wrong != 1 {
		t.Errorf("a confirmed order that was rejected is not counted: %d", wrong)
	}
}

// Both kinds of run on a real platform: every order is followed to its end, and a hot product is sold as often as there
// are pieces.
func TestOrders(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	local, err := app.NewLocal(ctx, app.LocalConfig{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- local.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-stopped; err != nil {
			t.Error(err)
		}
	})
	if err := local.WaitReady(ctx); err != nil {
		t.Fatal(err)
	}
	config := OrdersConfig{
		URL: "http://" + local.Addr(), Brokers: local.Brokers, Rate: 100, Count: 60, Warmup: 100 * time.Millisecond, SKUs: 3, Seed: 7,
		Mix: Mix{"confirmed": 3, "declined": 1, "out_of_stock": 1, "flaky": 1, "shipped": 1, "cancelled": 1}, Settle: time.Minute, Say: t.Logf,
	}
	spread, err := Orders(ctx, config)
	if err != nil || !spread.OK() || spread.Sent != 70 || spread.Placed != 70 || spread.Ended != 70 || spread.PlaceLatency.Count != 60 || len(spread.Fates) != 6 {
		t.Errorf("%+v, %v", spread, err)
	}
	config.Mix, config.HotPieces = Mix{"confirmed": 1}, 25
	hot, err := Orders(ctx, config)
	if err != nil || !hot.OK() || hot.Ended != 70 || hot.Fates[0].Statuses[0] != (Count{"confirmed", 25}) {
		t.Errorf("%+v, %v", hot, err)
	}
}
