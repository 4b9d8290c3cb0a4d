package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/ordo-platform/ordo/internal/app"
	"github.com/ordo-platform/ordo/internal/consumer"
	"github.com/ordo-platform/ordo/internal/generations"
	"github.com/ordo-platform/ordo/internal/postgres"
	"github.com/ordo-platform/ordo/internal/testenv"
	"github.com/ordo-platform/ordo/projections/orderview"
)

// TestOrdersOfThePast: a view of the past, built beside the live one, answers the order commands as of its position.
func TestOrdersOfThePast(t *testing.T) {
	t.Parallel()
	l := filledLogs(t)
	address := testenv.Postgres(t)
	views, err := postgres.Open(t.Context(), address, 2)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(views.Close)
	if err := postgres.Migrate(t.Context(), views, "consumer", consumer.Migrations()); err != nil {
		t.Fatal(err)
	}
	if err := generations.Prepare(t.Context(), views, orderview.Model.ReadModel()); err != nil {
		t.Fatal(err)
	}
	l.env = append(l.env, databaseOf(app.Views)+"="+address)

	var until, placed, version int64
	var id string
	err = l.pools[app.Orders].QueryRow(t.Context(), `
		SELECT max(position) / 2, count(*) FILTER (WHERE type = 'OrderPlaced' AND position <= (SELECT max(position) / 2 FROM events))
		FROM events`).Scan(&until, &placed)
	if err != nil {
		t.Fatal(err)
	}
	err = l.pools[app.Orders].QueryRow(t.Context(), "SELECT substr(stream, 7), max(version) FROM events WHERE position <= $1 GROUP BY stream ORDER BY max(position) DESC LIMIT 1",
		until).Scan(&id, &version)
	if err != nil {
		t.Fatal(err)
	}
	if got := l.run(nil, "replay", "orderview", "--until", fmt.Sprint(until)); got.exit != 0 || !strings.Contains(got.err, "ordo order list --generation 2") {
		t.Fatalf("replay: %+v", got)
	}

	var list struct{ Orders []struct{ ID string } }
	got := l.run(nil, "order", "list", "--generation", "2", "--all", "-o", "json")
	if err := json.Unmarshal([]byte(got.out), &list); err != nil || int64(len(list.Orders)) != placed || placed == 0 {
		t.Errorf("%d orders, want %d, %v; %s", len(list.Orders), placed, err, got.err)
	}
	page := l.run(nil, "order", "list", "--generation", "2", "--limit", "3")
	if lineCount(page.out) != 4 || !strings.Contains(page.err, "--cursor ") {
		t.Errorf("a page: %+v", page)
	}
	cursor := strings.TrimSuffix(strings.Fields(page.err[strings.Index(page.err, "--cursor "):])[1], ",")
	if next := l.run(nil, "order", "list", "--generation", "2", "--limit", "3", "--cursor", cursor); lineCount(next.out) != 4 || next.out == page.out {
		t.Errorf("the next page: %+v", next)
	}
	var one struct{ Version int64 }
	got = l.run(nil, "order", "get", id, "--generation", "2", "-o", "json")
	if err := json.Unmarshal([]byte(got.out), &one); err != nil || one.Version != version {
		t.Errorf("got version %d, want %d: %+v", one.Version, version, got)
	}
	for args, want := range map[string]result{
		"order get " + id + " --generation 1": {exit: 3, err: "not_found"}, // live, which nothing feeds
		"order get " + id + " --generation 9": {exit: 3, err: "has no generation 9"},
		"order list --generation 0":           {exit: 2, err: "--generation 0: want 1 or more"},
	} {
		if got := l.run(nil, strings.Fields(args)...); got.exit != want.exit || !strings.Contains(got.err, want.err) || got.out != "" {
			t.Errorf("%s: %+v", args, got)
		}
	}
}
