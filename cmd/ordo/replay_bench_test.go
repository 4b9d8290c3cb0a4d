package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ordo-platform/ordo/internal/client"
	"github.com/ordo-platform/ordo/internal/psp"
)

// BenchmarkLive measures what a rebuild costs those who use the platform meanwhile. 50 orders a second are placed, and each is
// read at the position of its answer, which waits until the order view is there: in turns with nothing else going on, and
// while a fresh order view is built, and compared, from a history of ORDO_BENCH_EVENTS events (default 500,000) in all logs.
//
//	go test ./cmd/ordo -run '^$' -bench Live -benchtime 3x
func BenchmarkLive(b *testing.B) {
	dir := filepath.Join(b.TempDir(), "data")
	p := startDev(b, dir)
	customer := openShop(b, p.api)
	if _, err := p.api.ReceiveStock(b.Context(), "A", 1_000_000, "more"); err != nil {
		b.Fatal(err)
	}
	ordo := func(args ...string) []byte {
		cmd := exec.Command(os.Args[0], args...)
		cmd.Env = append(os.Environ(), childVariable+"=1", "ORDO_DATA_DIR="+dir)
		output, err := cmd.Output()
		if err != nil {
			b.Errorf("ordo %v: %v", args, err)
		}
		return output
	}
	ordo("load", "history", "--events", benchEvents(), "--yes")
	for behind := int64(1); behind > 0; {
		var known struct {
			Projections []projectionStatus `json:"projections"`
		}
		if err := json.Unmarshal(ordo("projections", "list", "-o", "json"), &known); err != nil {
			b.Fatal(err)
		}
		behind = 0
		for _, s := range known.Projections {
			behind += s.Lag.Behind
		}
	}

	var alone, beside []time.Duration
	var building time.Duration
	for n := 0; b.Loop(); n++ {
		calm := make(chan struct{})
		time.AfterFunc(20*time.Second, func() { close(calm) })
		alone = append(alone, p.waits(customer, fmt.Sprint("alone-", n), calm)...)

		built := make(chan struct{})
		go func() {
			defer close(built)
			began := time.Now()
			ordo("replay", "orderview", "--verify-only")
			building += time.Since(began)
		}()
		beside = append(beside, p.waits(customer, fmt.Sprint("beside-", n), built)...)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(building.Seconds()/float64(b.N), "build-s")
	for _, q := range []int{50, 99} {
		without, with := quantile(alone, q), quantile(beside, q)
		b.ReportMetric(without, fmt.Sprintf("p%d-ms", q))
		b.ReportMetric(with, fmt.Sprintf("building-p%d-ms", q))
		b.ReportMetric(with/without, fmt.Sprintf("p%d-ratio", q))
	}
	p.stop()
}

// waits places 50 orders a second until it is told to stop, and returns how long reading each at its position took.
func (p *devProcess) waits(customer, name string, stop <-chan struct{}) (took []time.Duration) {
	p.t.Helper()
	var mu sync.Mutex
	var orders sync.WaitGroup
	due := time.NewTicker(time.Second / 50)
	defer due.Stop()
	for n := 0; ; n++ {
		select {
		case <-stop:
			orders.Wait()
			return took
		case <-due.C:
		}
		orders.Go(func() {
			placed, err := p.api.PlaceOrder(p.t.Context(), fmt.Sprint(name, "-", n), client.PlaceOrder{
				CustomerID: customer, Lines: []client.Item{{SKU: "A", Quantity: 1}}, PaymentMethod: psp.MethodOK,
			})
			if err != nil {
				p.t.Error(err)
				return
			}
			began := time.Now()
			if _, err := p.api.Order(p.t.Context(), placed.Value.ID, placed.Position); err != nil {
				p.t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			took = append(took, time.Since(began))
		})
	}
}

// quantile is in milliseconds.
func quantile(d []time.Duration, percent int) float64 {
	slices.Sort(d)
	return float64(d[len(d)*percent/100].Microseconds()) / 1000
}
