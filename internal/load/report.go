package load

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/ordo-platform/ordo/internal/client"
)

// Report is what a run came to. Orders of the warm-up are in the counts, not in latencies and rates.
type Report struct {
	Seed    uint64  `json:"seed"`
	Mix     string  `json:"mix"`
	Rate    float64 `json:"rate"` // orders per second that were due
	Sent    int     `json:"sent"`
	Placed  int     `json:"placed"`
	Ended   int     `json:"ended"`
	Refused []Count `json:"refused"` // not placed, by why

	PlacedPerSecond float64 `json:"placed_per_second"`
	EndedPerSecond  float64 `json:"ended_per_second"` // until the last one ended

	PlaceLatency Latency      `json:"place_latency"` // due -> answered
	Fates        []FateReport `json:"fates"`
	Checks       []Check      `json:"checks"`
}

// FateReport is what became of the orders of one fate.
type FateReport struct {
	Fate     Fate          `json:"fate"`
	Expected client.Status `json:"expected"`
	Orders   int           `json:"orders"`
	Statuses []Count       `json:"statuses"`
	Latency  Latency       `json:"latency"` // due -> the order's last event is on the topic
}

// Count is how many there are of something.
type Count struct {
	Name   string `json:"name"`
	Orders int    `json:"orders"`
}

// Latency is a distribution in milliseconds.
type Latency struct {
	Count int64   `json:"count"`
	Mean  float64 `json:"mean_ms"`
	P50   float64 `json:"p50_ms"`
	P90   float64 `json:"p90_ms"`
	P99   float64 `json:"p99_ms"`
	P999  float64 `json:"p99_9_ms"`
	Max   float64 `json:"max_ms"`
}

// Check is something that must hold in the end.
type Check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
}

// OK tells whether all checks hold.
func (r Report) OK() bool {
	return !slices.ContainsFunc(r.Checks, func(c Check) bool { return !c.OK })
}

func (r *run) report() Report {
	b := r.books
	b.mu.Lock()
	defer b.mu.Unlock()
	report := Report{
		Seed: r.Seed, Mix: r.Mix.String(), Rate: r.Rate, Sent: b.total, Refused: counts(b.refusals), PlaceLatency: latency(b.place),
		PlacedPerSecond: perSecond(b.answered, b.lastSent.Sub(b.began)), EndedPerSecond: perSecond(b.measured, b.lastEnd.Sub(b.began)),
		Fates: []FateReport{},
	}
	for _, f := range slices.Sorted(maps.Keys(b.fates)) {
		t := b.fates[f]
		report.Placed += t.orders
		report.Fates = append(report.Fates, FateReport{
			Fate: f, Expected: fates[f].ends, Orders: t.orders, Statuses: counts(t.statuses), Latency: latency(t.latency),
		})
	}
	report.Ended = report.Placed - b.unended
	return report
}

func perSecond(n int, in time.Duration) float64 {
	if in <= 0 {
		return 0
	}
	return float64(n) / in.Seconds()
}

func counts[K ~string](of map[K]int) []Count {
	list := make([]Count, 0, len(of))
	for _, name := range slices.Sorted(maps.Keys(of)) {
		list = append(list, Count{string(name), of[name]})
	}
	return list
}

func latency(h *hdrhistogram.Histogram) Latency {
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	return Latency{
		Count: h.TotalCount(), Mean: h.Mean() / 1000, P50: ms(quantile(h, 50)), P90: ms(quantile(h, 90)), P99: ms(quantile(h, 99)),
		P999: ms(quantile(h, 99.9)), Max: ms(time.Duration(h.Max()) * time.Microsecond),
	}
}

// check looks at orders and stock from the outside, once nothing moves any more.
func (r *run) check(ctx context.Context) ([]Check, error) {
	open, wrong, confirmed := r.verdicts()
	checks := []Check{
		{Name: "every order ended", OK: open == 0, Detail: fmt.Sprintf("%d have not", open)},
	}
	if r.HotPieces == 0 {
		return append(checks, Check{Name: "every order ended as its fate says", OK: wrong == 0, Detail: fmt.Sprintf("%d did not", wrong)}), nil
	}
	level, err := r.hotLevel(ctx, int64(confirmed))
	if err != nil {
		return checks, fmt.Errorf("read the stock: %w", err)
	}
	return append(checks,
		Check{
			Name: "no piece is sold twice", OK: int64(confirmed) <= r.HotPieces && level.Reserved == int64(confirmed),
			Detail: fmt.Sprintf("%d pieces, %d orders confirmed, %d pieces reserved", r.HotPieces, confirmed, level.Reserved),
		},
		Check{
			Name: "no piece is left while somebody wants it", OK: int64(confirmed) == min(r.HotPieces, int64(confirmed+wrong)),
			Detail: fmt.Sprintf("%d confirmed, %d rejected", confirmed, wrong),
		}), nil
}

// verdicts counts orders that have not ended, those that ended in another way than their fate says, and confirmed ones.
func (r *run) verdicts() (open, wrong, confirmed int) {
	b := r.books
	b.mu.Lock()
	defer b.mu.Unlock()
	for f, t := range b.fates {
		for status, n := range t.statuses {
			if status != fates[f].ends {
				wrong += n
			}
		}
		confirmed += t.statuses[client.StatusConfirmed]
	}
	return b.unended, wrong, confirmed
}

// hotLevel reads the stock of the hot product, and again while the read model is behind.
func (r *run) hotLevel(ctx context.Context, reserved int64) (client.StockLevel, error) {
	for limit := time.Now().Add(5 * time.Second); ; {
		level, err := r.api.Stock(ctx, r.hot(), "")
		if err != nil || level.Value.Reserved == reserved || time.Now().After(limit) {
			return level.Value, err
		}
		if err := sleepUntil(ctx, time.Now().Add(50*time.Millisecond)); err != nil {
			return level.Value, err
		}
	}
}
