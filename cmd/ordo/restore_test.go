package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/ordo-platform/ordo/internal/app"
	"github.com/ordo-platform/ordo/internal/readmodels"
)

// TestRestore is the drill of docs/operations.md: the databases of a platform that was stopped are dumped and restored into an
// empty server, with empty topics. Every event is there, read models equal a fresh fold, and orders go on.
func TestRestore(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while; not with -short")
	}
	t.Parallel()
	dump, restore := postgresTool(t, "pg_dump"), postgresTool(t, "pg_restore")
	old := newFleet(t)
	old.must("migrate")
	old.serveAll()
	api := old.gateway()
	customer := openShop(t, api)
	var orders []string
	for _, key := range []string{"one", "two", "three"} {
		orders = append(orders, old.confirm(api, customer, key))
	}
	for _, service := range app.Services() {
		_ = old.running[service].Process.Signal(syscall.SIGTERM)
	}
	for _, service := range app.Services() {
		if err := old.running[service].Wait(); err != nil {
			t.Errorf("%s: %v", service, err)
		}
	}
	heads := filepath.Join(t.TempDir(), "heads")
	old.must("verify", "--write-heads", heads)

	fresh := newFleet(t)
	for _, service := range app.Services() {
		file := filepath.Join(t.TempDir(), "dump")
		for _, cmd := range []*exec.Cmd{
			exec.Command(dump, "--format=custom", "--file="+file, old.owners[service]),
			exec.Command(restore, "--exit-on-error", "--dbname="+fresh.owners[service], file),
		} {
			if output, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%s of %s: %v\n%s", filepath.Base(cmd.Path), service, err, output)
			}
		}
	}
	fresh.must("verify", "--heads", heads)
	fresh.must("migrate")
	fresh.serveAll()
	api = fresh.gateway()
	for _, id := range orders {
		if o, err := api.Order(t.Context(), id, ""); err != nil || o.Value.Status != "confirmed" {
			t.Errorf("order %s: %+v, %v", id, o.Value, err)
		}
	}
	again := fresh.confirm(api, customer, "two") // a client that has not heard of it
	if again != orders[1] {
		t.Errorf("the same key got order %s, want %s", again, orders[1])
	}
	fresh.confirm(api, customer, "four")
	fresh.must("verify", "--heads", heads)
	fresh.ownsViews()
	for _, kept := range readmodels.Of(app.Views) {
		fresh.must("replay", kept.Name, "--verify-only")
	}
}

// postgresTool finds a program of the newest PostgreSQL on this machine: that which the tests' servers are of, too.
func postgresTool(t *testing.T, name string) string {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	slices.SortFunc(found, func(a, b string) int { return strings.Compare(b, a) })
	if bin := os.Getenv("ORDO_POSTGRES_BIN"); bin != "" {
		found = []string{filepath.Join(bin, name)}
	}
	if len(found) == 0 {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Skipf("skipped: there is no %s on this machine", name)
		}
		return path
	}
	return found[0]
}
