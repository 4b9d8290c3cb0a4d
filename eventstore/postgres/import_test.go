package postgres_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/eventstore/postgres"
	"github.com/ordo-platform/ordo/internal/testenv"
)

var importTime = time.Date(2026, 1, 2, 3, 4, 5, 678_901_000, time.UTC)

// foreignRow is an event of another log: the n-th, at its own time.
func foreignRow(n int, stream string, version int) postgres.Row {
	return postgres.Row{
		Recorded: eventstore.Recorded{
			Event: eventstore.Event{
				ID:   eventstore.DeriveID(uuid.MustParse("0198c7a2-5b1e-7000-8000-000000000001"), stream, version),
				Type: "OrderPlaced", SchemaVersion: 3, Data: fmt.Appendf(nil, " {\"n\":\n%d}", n),
			},
			Stream: eventstore.StreamID(stream), Version: eventstore.Version(version), RecordedAt: importTime.Add(time.Duration(n/3) * time.Second),
		},
		RawMetadata: []byte(`{"actor": "someone else", "note":"kept"}`),
	}
}

// foreignRows are n events in four streams.
func foreignRows(n int) []postgres.Row {
	rows := make([]postgres.Row, n)
	for i := range rows {
		rows[i] = foreignRow(i, fmt.Sprintf("order-%d", i%4), i/4+1)
	}
	return rows
}

func openImporter(t *testing.T, pool *pgxpool.Pool) *postgres.Importer {
	t.Helper()
	im, err := postgres.OpenImporter(t.Context(), pool, postgres.Config{UnsafeDurability: true})
	if err != nil {
		t.Fatal(err)
	}
	return im
}

func importRows(t *testing.T, im *postgres.Importer, rows []postgres.Row) (postgres.Imported, error) {
	t.Helper()
	c, err := postgres.NewChunk(rows)
	if err != nil {
		return postgres.Imported{}, err
	}
	return im.Import(t.Context(), c)
}

func mustImport(t *testing.T, im *postgres.Importer, rows []postgres.Row, want postgres.Imported) {
	t.Helper()
	if got, err := importRows(t, im, rows); err != nil || got != want {
		t.Fatalf("got %+v, %v; want %+v", got, err, want)
	}
}

func wholeLog(t *testing.T, pool *pgxpool.Pool) []postgres.Row {
	t.Helper()
	log, err := postgres.OpenLog(t.Context(), pool)
	if err != nil {
		t.Fatal(err)
	}
	var all []postgres.Row
	for row, err := range log.Rows(t.Context(), postgres.Query{Until: 1 << 40}) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, row)
	}
	return all
}

// TestImport: what comes out is what went in, the chain holds over it, and the log goes on from there.
func TestImport(t *testing.T) {
	t.Parallel()
	pool := migrated(t, testenv.Postgres(t), 4)
	rows := foreignRows(20)
	im := openImporter(t, pool)
	mustImport(t, im, rows[:11], postgres.Imported{Stored: 11, Head: 11})
	mustImport(t, im, rows[11:], postgres.Imported{Stored: 9, Head: 20})

	tails := map[int32]eventstore.Position{}
	all := wholeLog(t, pool)
	if len(all) != len(rows) {
		t.Fatalf("%d events, want %d", len(all), len(rows))
	}
	for i, got := range all {
		want := rows[i]
		want.Position, want.Metadata = eventstore.Position(i+1), got.Metadata
		want.Partition = eventstore.PartitionOf(want.Stream.Key(), postgres.DefaultPartitions)
		want.Prev = tails[want.Partition]
		tails[want.Partition] = want.Position
		if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	}
	if got := all[0].Metadata; got != (eventstore.Metadata{Actor: "someone else"}) {
		t.Errorf("metadata %+v", got)
	}
	checkLinks(t, pool)

	store := open(t, pool, postgres.Config{UnsafeDurability: true})
	commit, err := store.Append(t.Context(), one("order-1", eventstore.Exactly(5)))
	if err != nil || commit.First != 21 {
		t.Errorf("append after the import: %+v, %v", commit, err)
	}
	checkLinks(t, pool)
}

// checkLinks recomputes the chain from the events.
func checkLinks(t *testing.T, pool *pgxpool.Pool) {
	t.Helper()
	all := wholeLog(t, pool)
	rows, err := pool.Query(t.Context(), "SELECT first, last, recorded_at, link FROM log_commits ORDER BY last")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var previous eventstore.Hash
	next := eventstore.Position(1)
	for rows.Next() {
		var first, last eventstore.Position
		var at time.Time
		var link []byte
		if err := rows.Scan(&first, &last, &at, &link); err != nil {
			t.Fatal(err)
		}
		if first != next {
			t.Fatalf("link of %d..%d follows %d", first, last, next-1)
		}
		var leaves []byte
		for _, r := range all[first-1 : last] {
			if !r.RecordedAt.Equal(at) {
				t.Errorf("event %d of %s is in the link of %s", r.Position, r.RecordedAt, at)
			}
			leaf := leafHash(r)
			leaves = append(leaves, leaf[:]...)
		}
		previous = eventstore.LinkHash(previous, first, last, at, leaves)
		if string(previous[:]) != string(link) {
			t.Fatalf("link of %d..%d is another", first, last)
		}
		next = last + 1
	}
	if err := rows.Err(); err != nil || int(next) != len(all)+1 {
		t.Fatalf("links up to %d of %d events, %v", next-1, len(all), err)
	}
}

func leafHash(r postgres.Row) eventstore.Hash {
	leaf := eventstore.Leaf{
		Stream: r.Stream, Version: r.Version, ID: r.ID, Type: r.Type, SchemaVersion: r.SchemaVersion, Data: r.Data, Metadata: r.RawMetadata,
	}
	return sha256.Sum256(leaf.Encode(nil))
}

// TestImportAgain: an import that was broken off, at whatever event, goes on where it was.
func TestImportAgain(t *testing.T) {
	t.Parallel()
	pool := migrated(t, testenv.Postgres(t), 4)
	rows := foreignRows(20)
	mustImport(t, openImporter(t, pool), rows[:7], postgres.Imported{Stored: 7, Head: 7})
	im := openImporter(t, pool)
	mustImport(t, im, rows[:5], postgres.Imported{Known: 5, Head: 7})
	mustImport(t, im, rows[5:12], postgres.Imported{Stored: 5, Known: 2, Head: 12})
	mustImport(t, im, rows[12:16], postgres.Imported{Stored: 4, Head: 16})
	// By now nothing is expected to be there; the constraints say that it is.
	mustImport(t, im, rows[10:], postgres.Imported{Stored: 4, Known: 6, Head: 20})
	mustImport(t, openImporter(t, pool), rows, postgres.Imported{Known: 20, Head: 20})
	checkLinks(t, pool)
}

// TestImportRefuses: every bad chunk names its event and leaves the log as it was.
func TestImportRefuses(t *testing.T) {
	t.Parallel()
	pool := migrated(t, testenv.Postgres(t), 4)
	mustImport(t, openImporter(t, pool), foreignRows(8), postgres.Imported{Stored: 8, Head: 8})
	for name, c := range map[string]struct {
		bad  func(rows []postgres.Row) // changes event 10 of 8..11
		want string
	}{
		"gap":                {func(r []postgres.Row) { r[2].Version = 4 }, "conflict: expected version 3, found 2"},
		"new stream with 2":  {func(r []postgres.Row) { r[2] = foreignRow(0, "order-new", 2) }, "conflict: expected version 1, found 0"},
		"version taken":      {func(r []postgres.Row) { r[2].Version = 2 }, "conflict: expected version 1, found 2"},
		"stream taken":       {func(r []postgres.Row) { r[2].Version = 1 }, "conflict: expected version 0, found 2"},
		"twice in the chunk": {func(r []postgres.Row) { r[2].ID = r[1].ID }, "is already stored"},
		"other data":         {func(r []postgres.Row) { r[2] = foreignRow(999, "order-1", 1) }, "is at 2 of the log with another data"},
		"other version":      {func(r []postgres.Row) { r[2] = foreignRow(1, "order-1", 1); r[2].Version = 2 }, "is at 2 of the log with another version"},
		"other stream":       {func(r []postgres.Row) { r[2] = foreignRow(1, "order-1", 1); r[2].Stream = "order-x" }, "with another stream"},
		"other metadata": {func(r []postgres.Row) {
			r[2] = foreignRow(1, "order-1", 1)
			r[2].RawMetadata = []byte("{}")
		}, "with another metadata"},
		"future":            {func(r []postgres.Row) { r[2].RecordedAt = time.Now().Add(time.Hour) }, "is in the future"},
		"no JSON":           {func(r []postgres.Row) { r[2].Data = []byte("{") }, "event data: not a JSON object"},
		"metadata no JSON":  {func(r []postgres.Row) { r[2].RawMetadata = []byte("[]") }, "metadata: not a JSON object"},
		"metadata of kind":  {func(r []postgres.Row) { r[2].RawMetadata = []byte(`{"actor":1}`) }, "wrong kind"},
		"metadata too long": {func(r []postgres.Row) { r[2].RawMetadata = []byte(`{"a":"` + strings.Repeat("x", 8<<10) + `"}`) }, "over the limit"},
		"data too long":     {func(r []postgres.Row) { r[2].Data = []byte(`{"a":"` + strings.Repeat("x", 256<<10) + `"}`) }, "over the limit"},
		"no stream":         {func(r []postgres.Row) { r[2].Stream = "order" }, "category-key"},
		"no type":           {func(r []postgres.Row) { r[2].Type = "" }, "event type: empty"},
		"no id":             {func(r []postgres.Row) { r[2].ID = uuid.Nil }, "event id: empty"},
		"version zero":      {func(r []postgres.Row) { r[2].Version = 0 }, "version: not positive"},
	} {
		for _, trusting := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, trusting %t", name, trusting), func(t *testing.T) {
				im := openImporter(t, pool)
				if trusting {
					mustImport(t, im, nil, postgres.Imported{Head: 8})
				}
				rows := slices.Clone(foreignRows(12)[8:])
				c.bad(rows)
				_, err := importRows(t, im, rows)
				bad, ok := errors.AsType[*postgres.RowError](err)
				if !ok || bad.Index != 2 || !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %+v, %v; want event 2, %s", bad, err, c.want)
				}
				if n := len(wholeLog(t, pool)); n != 8 {
					t.Fatalf("%d events", n)
				}
			})
		}
	}
	checkLinks(t, pool)
}

// TestImportIntoYoungerLog: times never fall.
func TestImportIntoYoungerLog(t *testing.T) {
	t.Parallel()
	store, pool := setup(t)
	if _, err := store.Append(t.Context(), one("order-own", eventstore.NoStream)); err != nil {
		t.Fatal(err)
	}
	mustImport(t, openImporter(t, pool), foreignRows(8), postgres.Imported{Stored: 8, Head: 9})
	all := wholeLog(t, pool)
	for _, r := range all[1:] {
		if !r.RecordedAt.Equal(all[0].RecordedAt) {
			t.Errorf("event %d is of %s, the one it follows of %s", r.Position, r.RecordedAt, all[0].RecordedAt)
		}
	}
	checkLinks(t, pool)
}

// TestImportBesideWriters: an import and the appends of a running service do not disturb each other.
func TestImportBesideWriters(t *testing.T) {
	t.Parallel()
	store, pool := setup(t)
	ctx, stop := context.WithCancel(t.Context())
	appended := make(chan int)
	go func() {
		n := 0
		for ctx.Err() == nil {
			if _, err := store.Append(context.Background(), one(fmt.Sprintf("order-own%d", n), eventstore.NoStream)); err != nil {
				t.Error(err)
			}
			n++
		}
		appended <- n
	}()
	im := openImporter(t, pool)
	rows := foreignRows(200)
	for chunk := range slices.Chunk(rows, 10) {
		if got, err := importRows(t, im, chunk); err != nil || got.Stored != len(chunk) {
			t.Errorf("got %+v, %v", got, err)
		}
	}
	stop()
	if n := <-appended; len(wholeLog(t, pool)) != n+len(rows) {
		t.Errorf("%d events, want %d", len(wholeLog(t, pool)), n+len(rows))
	}
	checkLinks(t, pool)
}
