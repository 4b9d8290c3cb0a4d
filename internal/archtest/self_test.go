package archtest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A check that cannot fail proves nothing: here is a small module that breaks the rules in every way.
func TestImportsFindsViolations(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(path string, lines ...string) {
		t.Helper()
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ours := func(name string) string { return `import _ "` + module + "/" + name + `"` }
	write("go.mod", "module "+module, "go 1.26",
		"require github.com/jackc/pgx/v5 v5.0.0", "replace github.com/jackc/pgx/v5 => ./pgx")
	write("pgx/go.mod", "module github.com/jackc/pgx/v5")
	write("pgx/pgx.go", "package pgx")
	write("aggregates/aggregates.go", "package aggregates")
	write("aggregates/aggregates_test.go", "package aggregates", `import _ "os"`) // a test may
	write("aggregates/order/order.go", "package order", `import _ "os"`, `import _ "log/slog"`, ours("aggregates"), ours("aggregates/stock"))
	write("aggregates/stock/stock.go", "package stock")
	write("eventstore/eventstore.go", "package eventstore", ours("aggregates"))
	write("schemas/schemas.go", "package schemas", ours("internal/hidden"))
	write("internal/hidden/hidden.go", "package hidden", `import _ "github.com/jackc/pgx/v5"`)
	write("sagas/fulfilment/fulfilment.go", "package fulfilment", ours("schemas"), ours("aggregates/order"))
	write("projections/a/a.go", "package a", ours("projections/b"))
	write("projections/b/b.go", "package b", `import _ "github.com/jackc/pgx/v5"`) // a read model may
	write("internal/httpapi/httpapi.go", "package httpapi", ours("internal/between"))
	write("internal/between/between.go", "package between", ours("internal/kafka"))
	write("internal/kafka/kafka.go", "package kafka")
	write("internal/app/app.go", "package app", ours("internal/httpapi"), ours("projections/b")) // the root of composition may

	got := check(list(t, dir), rules)
	want := []string{
		"./aggregates/order imports ./aggregates/stock; of our packages it may import only: ./aggregates",
		"./aggregates/order imports log/slog, which it must not do itself",
		"./aggregates/order imports os, which it must not do itself",
		"./eventstore imports ./aggregates; of our packages it may import only: none",
		"./internal/httpapi must not depend on ./internal/kafka, not even through others: ./internal/httpapi -> ./internal/between -> ./internal/kafka",
		"./projections/a imports ./projections/b; of our packages it may import only: ./aggregates/..., ./eventstore, ./schemas, ./projections",
		"./sagas/fulfilment must not depend on ./internal/..., not even through others: ./sagas/fulfilment -> ./schemas -> ./internal/hidden",
		"./sagas/fulfilment must not depend on github.com/jackc/..., not even through others: ./sagas/fulfilment -> ./schemas -> ./internal/hidden -> github.com/jackc/pgx/v5",
		"./schemas imports ./internal/hidden; of our packages it may import only: ./aggregates/..., ./eventstore, ./schemas/...",
		"./schemas must not depend on github.com/jackc/..., not even through others: ./schemas -> ./internal/hidden -> github.com/jackc/pgx/v5",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got:\n\t%s\nwant:\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

func TestAggregatesArePureFindsViolations(t *testing.T) {
	t.Parallel()
	const src = `package order

import (
	"math/rand/v2"
	"time"
	clock "time"
	. "time"

	"github.com/google/uuid"
)

type command struct{ At time.Time }

var (
	_ = time.Unix(0, 0)
	_ = time.Now
	_ = clock.Since(time.Time{})
	_ = rand.IntN(6)
	_ = uuid.NewString()
	_ = uuid.NewSHA1
)
`
	got := impureUses(t, "aggregates/order/decide.go", src)
	var found []string
	for _, violation := range got {
		place, rest, _ := strings.Cut(violation, ": ")
		what, _, _ := strings.Cut(rest, ":")
		found = append(found, place+" "+what)
	}
	want := []string{
		"order/decide.go:7 import . of time",
		"order/decide.go:16 time.Now",
		"order/decide.go:17 time.Since",
		"order/decide.go:18 math/rand/v2.IntN",
		"order/decide.go:19 github.com/google/uuid.NewString",
	}
	if !slices.Equal(found, want) {
		t.Errorf("got:\n\t%s\nwant:\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}
