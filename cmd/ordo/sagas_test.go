package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/ordo-platform/ordo/internal/app"
	"github.com/ordo-platform/ordo/internal/client"
	"github.com/ordo-platform/ordo/internal/process"
	"github.com/ordo-platform/ordo/internal/psp"
)

// An undo that the provider refuses, and refuses again, is never dropped: the order needs attention, and the list of stuck sagas
// says for what, until an operator has it done again with success.
func TestStuckSagaIsMended(t *testing.T) {
	t.Parallel()
	local, api := startLocal(t)
	url := "--url=http://" + local.Addr()
	placed, err := api.PlaceOrder(t.Context(), "one", client.PlaceOrder{
		CustomerID: openShop(t, api), PaymentMethod: psp.MethodOK, Lines: []client.Item{{SKU: "A", Quantity: 2}},
	})
	if err != nil {
		t.Fatal(err)
	}
	id := placed.Value.ID
	awaitProcess(t, api, id, "it is confirmed", func(p process.Process) bool { return p.Status == "confirmed" })

	local.Provider.SetUnderReview(id, true)
	if got := ordo(t.Context(), "order", "cancel", id, "--reason=ordered twice", url); got.exit != 0 {
		t.Fatalf("cancel: %+v", got)
	}
	awaitProcess(t, api, id, "it needs attention", stuckAfter(1))
	var list result // made from a read model, which comes a moment later
	eventually(t, "the list has it", func() bool { list = ordo(t.Context(), "sagas", "list", url); return strings.Contains(list.out, id) })
	if list.exit != 0 || !strings.Contains(list.out, "void_payment") || !strings.Contains(list.out, "needs attention: refused under_review") {
		t.Errorf("list: %+v", list)
	}

	for args, exit := range map[string]int{
		"--reason=x --step=release_stock": exitConflict,
		"--step=void_payment":             exitUsage,
		"--reason=":                       exitUsage,
	} {
		all := append([]string{"sagas", "retry", id, url}, strings.Split(args, " ")...)
		if got := ordo(t.Context(), all...); got.exit != exit {
			t.Errorf("retry %s: %+v, want exit %d", args, got, exit)
		}
	}
	for range 2 { // under one key this is one wish
		if got := ordo(t.Context(), "sagas", "retry", id, "--reason=maybe now", "--step=void_payment", "--key=k1", url); got.exit != 0 {
			t.Errorf("retry: %+v", got)
		}
		awaitProcess(t, api, id, "it needs attention again", stuckAfter(2))
	}

	local.Provider.SetUnderReview(id, false)
	if got := ordo(t.Context(), "sagas", "retry", id, "--reason=review has ended", url); got.exit != 0 {
		t.Errorf("retry: %+v", got)
	}
	awaitProcess(t, api, id, "it is cancelled", func(p process.Process) bool { return p.Status == "cancelled" && p.State == process.Done })
	eventually(t, "nothing is stuck", func() bool { return ordo(t.Context(), "sagas", "list", url) == result{0, "", "No sagas.\n"} })
	if got := ordo(t.Context(), "sagas", "retry", id, "--reason=once more", url); got.exit != exitConflict {
		t.Errorf("retry of what has ended: %+v", got)
	}

	trace := ordo(t.Context(), "sagas", "show", id, url).out
	if !strings.Contains(trace, "asked for 3 times, PaymentVoided") || strings.Count(trace, "OrderRetryRequested") != 2 {
		t.Errorf("trace:\n%s", trace)
	}
	history := ordo(t.Context(), "order", "history", id, "-o=json", url).out
	if strings.Count(history, `"maybe now"`) != 1 || strings.Count(history, `"review has ended"`) != 1 {
		t.Errorf("history: %s", history)
	}
	var did []psp.Status
	for _, o := range local.Provider.Ledger() {
		did = append(did, o.Status)
	}
	if text, _ := json.Marshal(did); string(text) != `["authorized","declined","declined","voided"]` {
		t.Errorf("the provider's books: %s", text)
	}
}

// stuckAfter tells whether an order needs attention for a step that was asked for so many times.
func stuckAfter(tries int) func(process.Process) bool {
	return func(p process.Process) bool {
		for _, s := range p.Steps {
			if s.Name == "void_payment" && s.Try == tries {
				return p.State == process.Stuck
			}
		}
		return false
	}
}

// awaitProcess waits until an order's process is as wanted.
func awaitProcess(t *testing.T, api *client.Client, id, what string, holds func(process.Process) bool) {
	t.Helper()
	eventually(t, what, func() bool {
		told, err := api.OrderProcess(t.Context(), id)
		return err == nil && holds(told.Value)
	})
}

// eventually waits until something holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for limit := time.Now().Add(time.Minute); !holds(); sleep(t.Context(), 10*time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

// startLocal runs a platform in this process, whose payment provider can be told to misbehave.
func startLocal(t *testing.T) (*app.Local, *client.Client) {
	t.Helper()
	local, err := app.NewLocal(t.Context(), app.LocalConfig{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- local.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	if err := local.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	api, err := client.New(client.Config{URL: "http://" + local.Addr()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(api.Close)
	return local, api
}
