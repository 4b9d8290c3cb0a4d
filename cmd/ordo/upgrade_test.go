package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ordo-platform/ordo/internal/app"
	"github.com/ordo-platform/ordo/internal/client"
	"github.com/ordo-platform/ordo/internal/psp"
)

// buildNext builds the program as it might be next: OrderConfirmed has a second version.
func buildNext(t *testing.T) (program string) {
	t.Helper()
	const source = "../../schemas/table.go"
	const today = `Define("OrderConfirmed", 1, func(e order.Confirmed) bool { return said(e.At, string(e.OrderID)) }),`
	const next = `Define("OrderConfirmed", 2, func(e order.Confirmed) bool { return said(e.At, string(e.OrderID)) },
		func(v1 []byte) ([]byte, error) { return v1, nil }),`
	text, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(text), today, next, 1)
	if changed == string(text) {
		t.Fatalf("%s does not define OrderConfirmed as it is expected to", source)
	}
	dir := t.TempDir()
	path, err := filepath.Abs(source)
	if err != nil {
		t.Fatal(err)
	}
	replaced := filepath.Join(dir, "table.go")
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{path: replaced}})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"table.go": []byte(changed), "overlay.json": overlay} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	program = filepath.Join(dir, "ordo")
	build := exec.CommandContext(t.Context(), "go", "build", "-overlay", filepath.Join(dir, "overlay.json"), "-o", program, ".")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v: %s", err, output)
	}
	return program
}

// TestUpgrade replaces a platform by its next version, process by process, and not in the order that is advised: a writer of a
// new event version comes before its readers. Those stop where they meet it and say so; nothing is skipped, and each goes on
// when it is replaced.
func TestUpgrade(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while; not with -short")
	}
	t.Parallel()
	next := buildNext(t)
	f := newFleet(t)
	f.must("migrate")
	f.serveAll()
	api := f.gateway()
	customer := openShop(t, api)
	f.confirm(api, customer, "before")

	f.program = next
	f.address("orders-next")
	f.serve("orders-next", app.Orders)
	f.awaitReady("orders-next")
	placed := make(map[string]string)
	place := func(key string) {
		order, err := api.PlaceOrder(t.Context(), key, client.PlaceOrder{
			CustomerID: customer, PaymentMethod: psp.MethodOK, Lines: []client.Item{{SKU: "A", Quantity: 1}},
		})
		if err != nil {
			t.Fatal(err)
		}
		placed[key] = order.Value.ID
	}
	for i := range 30 {
		place(fmt.Sprint("side-by-side-", i))
	}
	f.await("views of today meet an event of tomorrow, and say so", func() bool {
		code, said := get(t.Context(), f.inner[app.Views]+"/readyz?verbose")
		return code == http.StatusServiceUnavailable && strings.Contains(said, "OrderConfirmed")
	})

	for _, service := range app.Services() {
		f.stop(service)
		f.serve(service, service)
	}
	for process := range f.inner {
		f.awaitReady(process)
	}
	place("after")
	for key, id := range placed {
		f.await(key+" confirmed", func() bool {
			o, err := api.Order(t.Context(), id, "")
			return err == nil && o.Value.Status == client.StatusConfirmed
		})
	}
	f.must("verify")
	f.ownsViews()
	f.must("replay", "orderview", "--verify-only")
	f.must("replay", "stocklevels", "--verify-only")
}
