package postgres_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/eventstore/postgres"
	db "github.com/ordo-platform/ordo/internal/postgres"
	"github.com/ordo-platform/ordo/internal/testenv"
)

// filled returns the log of n events of two types in three streams; the last is as large as can be.
func filled(t *testing.T, n int) *postgres.Log {
	t.Helper()
	store, pool := setup(t)
	for i := range n {
		e := event()
		e.Data = fmt.Appendf(nil, ` {"n": %d}`, i)
		e.Metadata = eventstore.Metadata{Actor: "a \"quoted\" one"}
		if i%4 == 0 {
			e.Type = "Rare"
		}
		if i == n-1 {
			e.Data = []byte(`{"s":"` + strings.Repeat("x", eventstore.MaxEventBytes-9) + `"}`)
		}
		if _, err := store.Append(t.Context(), eventstore.Append{Streams: []eventstore.StreamAppend{
			{Stream: eventstore.StreamID(fmt.Sprintf("order-%d", i%3)), Expected: eventstore.AnyVersion, Events: []eventstore.Event{e}},
		}}); err != nil {
			t.Fatal(err)
		}
	}
	log, err := postgres.OpenLog(t.Context(), pool)
	if err != nil {
		t.Fatal(err)
	}
	return log
}

func positions(t *testing.T, log *postgres.Log, q postgres.Query) []eventstore.Position {
	t.Helper()
	var got []eventstore.Position
	for row, err := range log.Rows(t.Context(), q) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, row.Position)
	}
	return got
}

// TestLogRows compares every query with the same choice made by hand, over more than one page.
func TestLogRows(t *testing.T) {
	t.Parallel()
	const n = 300
	log := filled(t, n)
	all, err := log.ReadLog(t.Context(), 0, 2*n)
	if err != nil || len(all) != n {
		t.Fatalf("%d events, %v", len(all), err)
	}
	for _, q := range []postgres.Query{
		{Until: n},
		{Until: 2 * n},
		{After: 17, Until: 290},
		{After: n, Until: n},
		{Until: n, Types: []string{"Rare"}},
		{Until: n, Types: []string{"Rare", "OrderPlaced", "None"}},
		{Until: n, Stream: "order-1"},
		{After: 100, Until: 200, Stream: "order-2", Types: []string{"Rare"}},
		{Until: n, Stream: "order-none"},
	} {
		var want []eventstore.Position
		for _, e := range all {
			if e.Position > q.After && e.Position <= q.Until && (q.Stream == "" || e.Stream == q.Stream) &&
				(q.Types == nil || slices.Contains(q.Types, e.Type)) {
				want = append(want, e.Position)
			}
		}
		if got := positions(t, log, q); !slices.Equal(got, want) {
			t.Errorf("%+v: got %v, want %v", q, got, want)
		}
		last, err := log.Last(t.Context(), q, 7)
		if err != nil || len(last) != min(7, len(want)) {
			t.Fatalf("%+v: last %d, %v", q, len(last), err)
		}
		for i, row := range last {
			if row.Position != want[len(want)-len(last)+i] {
				t.Errorf("%+v: last %d is %d", q, i, row.Position)
			}
		}
	}
}

func TestLogRowsAreAsStored(t *testing.T) {
	t.Parallel()
	log := filled(t, 5)
	row, found, err := log.Row(t.Context(), 2)
	if err != nil || !found {
		t.Fatal(found, err)
	}
	if string(row.Data) != ` {"n": 1}` || !bytes.Equal(row.RawMetadata, []byte(`{"actor":"a \"quoted\" one"}`)) ||
		row.Metadata.Actor != `a "quoted" one` || row.Stream != "order-1" || row.Version != 1 || row.RecordedAt.IsZero() {
		t.Errorf("got %+v", row)
	}
	same, found, err := log.RowByID(t.Context(), row.ID)
	if err != nil || !found || same.Position != 2 {
		t.Errorf("by id: %+v, %t, %v", same, found, err)
	}
	for _, position := range []eventstore.Position{0, 6} {
		if _, found, err := log.Row(t.Context(), position); found || err != nil {
			t.Errorf("event %d: %t, %v", position, found, err)
		}
	}
	if _, found, err := log.RowByID(t.Context(), uuid.Max); found || err != nil {
		t.Errorf("no such id: %t, %v", found, err)
	}
}

// TestLogRowsEndEarly: leaving the loop, or the end of the context, ends the reading goroutine (testenv.Main looks).
func TestLogRowsEndEarly(t *testing.T) {
	t.Parallel()
	log := filled(t, 300)
	for row, err := range log.Rows(t.Context(), postgres.Query{Until: 300}) {
		if err != nil || row.Position != 1 {
			t.Fatal(row.Position, err)
		}
		break
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	seen := 0
	var last error
	for _, err := range log.Rows(ctx, postgres.Query{Until: 300}) {
		if seen++; seen == 1 {
			cancel()
		}
		last = err
	}
	if last == nil && seen < 300 {
		t.Errorf("a read cut off after %d events looks like a whole one", seen)
	}
}

func TestLogSince(t *testing.T) {
	t.Parallel()
	log := filled(t, 20)
	row, _, err := log.Row(t.Context(), 13)
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[time.Time]eventstore.Position{
		{}:                                 1,
		row.RecordedAt:                     13,
		row.RecordedAt.Add(1):              14,
		row.RecordedAt.Add(-1):             13,
		row.RecordedAt.Add(24 * time.Hour): 21,
	} {
		if got, err := log.Since(t.Context(), at); err != nil || got != want {
			t.Errorf("%s: %d, %v; want %d", at, got, err, want)
		}
	}
}

func TestOpenLogWithoutTables(t *testing.T) {
	t.Parallel()
	pool, err := db.Open(t.Context(), testenv.Postgres(t), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if _, err := postgres.OpenLog(t.Context(), pool); err == nil || !strings.Contains(err.Error(), "tables are missing") {
		t.Errorf("got %v", err)
	}
}
