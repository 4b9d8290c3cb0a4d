package app_test

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/ordo-platform/ordo/eventstore/postgres"
	"github.com/ordo-platform/ordo/internal/app"
	"github.com/ordo-platform/ordo/internal/client"
	pg "github.com/ordo-platform/ordo/internal/postgres"
	"github.com/ordo-platform/ordo/internal/psp"
	"github.com/ordo-platform/ordo/internal/readmodels"
	"github.com/ordo-platform/ordo/internal/replay"
)

// patience is how long reads may be told, on a busy machine, that the order view is not there yet.
const patience = 30 * time.Second

// TestTokensHoldAcrossSwaps: clients place orders and read each at the position of the answer, while the order view is
// rebuilt, swapped and rolled back under them. Every read sees its write, whichever generation answers, and the position of a
// read from before a swap still holds after it.
func TestTokensHoldAcrossSwaps(t *testing.T) {
	t.Parallel()
	p := start(t, app.LocalConfig{Logger: slog.New(slog.DiscardHandler)})
	customer := p.openShop(t)

	swapped := make(chan struct{})
	const each = 3
	clients := make(chan error, each)
	for n := range each {
		go func() { clients <- p.buyAndLook(t, customer, fmt.Sprint("client-", n), swapped) }()
	}

	orders, err := pg.Open(t.Context(), p.Databases[app.Orders], 4)
	if err != nil {
		t.Fatal(err)
	}
	defer orders.Close()
	views, err := pg.Open(t.Context(), p.Owners[app.Views], 12)
	if err != nil {
		t.Fatal(err)
	}
	defer views.Close()
	log, err := postgres.Open(t.Context(), orders, postgres.Config{UnsafeDurability: true})
	if err != nil {
		t.Fatal(err)
	}
	all := readmodels.All()
	kept := all[slices.IndexFunc(all, func(k readmodels.Kept) bool { return k.Name == "orderview" })]
	r, err := replay.New(replay.Config{Model: kept, Pool: views, Log: log, Holder: "test"})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		built, err := r.Run(t.Context(), replay.Options{})
		if err != nil || !built.Swapped {
			t.Errorf("replay: %+v, %v", built, err)
		}
		back, err := r.Rollback(t.Context())
		if err != nil || !back.Swapped {
			t.Errorf("rollback: %+v, %v", back, err)
		}
		t.Logf("locked for %v and %v", built.SwapLock, back.SwapLock)
	}
	close(swapped)
	for range each {
		if err := <-clients; err != nil {
			t.Error(err)
		}
	}
	p.stop()
}

// buyAndLook places orders until it is told to stop, and reads each one, and the one before, with the newest position it has.
func (p *running) buyAndLook(t *testing.T, customer, name string, stop <-chan struct{}) error {
	look := func(known client.Order, after string) (now client.Answer[client.Order], err error) {
		now, err = p.client.Order(t.Context(), known.ID, after)
		for began := time.Now(); (now.Stale || isStale(err)) && time.Since(began) < patience; {
			now, err = p.client.Order(t.Context(), known.ID, after)
		}
		switch {
		case err != nil:
			return now, fmt.Errorf("order %s, after %s: %w", known.ID, after, err)
		case now.Stale || now.Value.Version < known.Version:
			return now, fmt.Errorf("order %s was at version %d; after %s it is at %d, stale %t", known.ID, known.Version, after,
				now.Value.Version, now.Stale)
		}
		return now, nil
	}
	var before client.Order
	for n := 0; ; n++ {
		placed, err := p.client.PlaceOrder(t.Context(), fmt.Sprint(name, n), client.PlaceOrder{
			CustomerID: customer, Lines: []client.Item{{SKU: "MUG", Quantity: 1}}, PaymentMethod: psp.MethodOK,
		})
		if err != nil {
			return err
		}
		seen, err := look(placed.Value, placed.Position)
		if err != nil {
			return err
		}
		if before.ID != "" {
			if _, err := look(before, seen.Position); err != nil {
				return err
			}
		}
		before = seen.Value
		select {
		case <-stop:
			return nil
		case <-time.After(time.Millisecond):
		}
	}
}

// isStale says that what was not found has not come yet.
func isStale(err error) bool {
	problem, ok := errors.AsType[*client.ProblemError](err)
	return ok && problem.Stale
}
