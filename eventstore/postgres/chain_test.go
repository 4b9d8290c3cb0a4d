package postgres_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"os"
	"regexp"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/eventstore/postgres"
	db "github.com/ordo-platform/ordo/internal/postgres"
	"github.com/ordo-platform/ordo/internal/testenv"
)

// commit is a row of log_commits.
type commit struct {
	First, Last eventstore.Position
	RecordedAt  time.Time
	Link        []byte
}

// chain recomputes the chain, one row at a time, and returns the commits.
func chain(t *testing.T, pool *pgxpool.Pool) []commit {
	t.Helper()
	rows, _ := pool.Query(t.Context(), `SELECT first, last, recorded_at, link FROM log_commits ORDER BY last`)
	commits, err := pgx.CollectRows(rows, pgx.RowToStructByPos[commit])
	if err != nil {
		t.Fatal(err)
	}
	var link eventstore.Hash
	var last eventstore.Position
	for _, c := range commits {
		if c.First != last+1 {
			t.Fatalf("a commit begins at %d, the one before ends at %d", c.First, last)
		}
		var leaves []byte
		for p := c.First; p <= c.Last; p++ {
			leaf, recordedAt := leafAt(t, pool, p)
			if !recordedAt.Equal(c.RecordedAt) {
				t.Errorf("event %d is of %s, its commit of %s", p, recordedAt, c.RecordedAt)
			}
			leaves = append(leaves, leaf[:]...)
		}
		link = eventstore.LinkHash(link, c.First, c.Last, c.RecordedAt, leaves)
		if eventstore.Hash(c.Link) != link {
			t.Fatalf("commit %d..%d has link %x, want %s", c.First, c.Last, c.Link, link)
		}
		last = c.Last
	}
	var head eventstore.Position
	var headLink []byte
	if err := pool.QueryRow(t.Context(), `SELECT position, link FROM log_head`).Scan(&head, &headLink); err != nil {
		t.Fatal(err)
	}
	if head != last || eventstore.Hash(headLink) != link {
		t.Errorf("head is %d with %x, the chain ends at %d with %s", head, headLink, last, link)
	}
	return commits
}

func leafAt(t *testing.T, pool *pgxpool.Pool, p eventstore.Position) (hash eventstore.Hash, recordedAt time.Time) {
	t.Helper()
	var l eventstore.Leaf
	var id [16]byte
	var data, metadata string
	err := pool.QueryRow(t.Context(), `
		SELECT stream, version, event_id, type, schema_version, data::text, metadata::text, recorded_at
		FROM events WHERE position = $1`, p).
		Scan(&l.Stream, &l.Version, &id, &l.Type, &l.SchemaVersion, &data, &metadata, &recordedAt)
	if err != nil {
		t.Fatalf("event %d: %v", p, err)
	}
	l.ID, l.Data, l.Metadata = id, []byte(data), []byte(metadata)
	return sha256.Sum256(l.Encode(nil)), recordedAt
}

// Every way to append adds to the one chain: groups of many, with and without an expected version, and transactions.
func TestAppendsAreChained(t *testing.T) {
	t.Parallel()
	store, pool := setup(t)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			stream := "order-" + uuid.NewString()
			for version := range 3 {
				a := one(stream, eventstore.Exactly(eventstore.Version(version)))
				a.Streams = append(a.Streams, one("stock-MÜG", eventstore.AnyVersion).Streams...)
				a.Streams[1].Events = append(a.Streams[1].Events, event())
				a.Streams[1].Events[0].Metadata.Actor = "Zoë"
				if _, err := store.Append(context.Background(), a); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 5 {
		err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
			for range 2 {
				if _, err := store.AppendTx(t.Context(), tx, one("stock-CUP", eventstore.AnyVersion), one("stock-MÜG", eventstore.AnyVersion)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	wg.Wait()
	commits := chain(t, pool)
	if n := commits[len(commits)-1].Last; n != 20*3*3+5*2*2 {
		t.Errorf("the chain ends at %d", n)
	}

	stored := eventstore.Link{}
	for i, c := range commits {
		if c.Last > c.First {
			wantLink(t, store, c.Last-1, stored) // within a commit: the one before
		}
		stored = eventstore.Link{Position: c.Last, Hash: eventstore.Hash(c.Link)}
		wantLink(t, store, c.Last, stored)
		if i == len(commits)-1 {
			wantLink(t, store, c.Last+100, stored)
		}
	}
}

func wantLink(t *testing.T, store *postgres.Store, at eventstore.Position, want eventstore.Link) {
	t.Helper()
	if got, err := store.LinkAt(t.Context(), at); err != nil || got != want {
		t.Errorf("link at %d is %v, %v; want %v", at, got, err, want)
	}
}

// The query of the document finds the first commit that was changed, and nothing in a log as it was written.
func TestDocumentedQuery(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("../../docs/hash-chain.md")
	if err != nil {
		t.Fatal(err)
	}
	query := regexp.MustCompile("(?s)```sql\n(.*?)```").FindSubmatch(document)
	if query == nil {
		t.Fatal("docs/hash-chain.md has no query")
	}
	store, pool := setup(t)
	for range 3 {
		a := one("stock-MÜG", eventstore.AnyVersion)
		a.Streams[0].Events = append(a.Streams[0].Events, event())
		a.Streams[0].Events[1].Metadata.Actor = "Zoë"
		if _, err := store.Append(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	var first, last eventstore.Position
	if err := pool.QueryRow(t.Context(), string(query[1])).Scan(&first, &last); !errors.Is(err, pgx.ErrNoRows) {
		t.Errorf("commit %d..%d, %v; want none", first, last, err)
	}
	if _, err := pool.Exec(t.Context(), `
		ALTER TABLE events DISABLE TRIGGER events_append_only;
		UPDATE events SET metadata = '{"actor":"Zoe"}' WHERE position = 4`); err != nil {
		t.Fatal(err)
	}
	if err := pool.QueryRow(t.Context(), string(query[1])).Scan(&first, &last); err != nil || first != 3 || last != 4 {
		t.Errorf("commit %d..%d, %v; want 3..4", first, last, err)
	}
}

// A log from before the chain gets one over the events it has, and goes on.
func TestMigrationOfAFilledLog(t *testing.T) {
	t.Parallel()
	// Three commits as the first release wrote them: 1, 2..4, 5..6.
	pool := migratedFrom1(t, testenv.Postgres(t), `
		INSERT INTO events (position, prev, recorded_at, event_id, version, schema_version, partition, stream, type, data, metadata)
		SELECT p, p - 1, timestamptz '2026-01-02 03:04:05.678901+00' + (CASE WHEN p = 1 THEN 0 WHEN p <= 4 THEN 1 ELSE 0 END) * interval '1 microsecond', gen_random_uuid(), p, 1, 0,
		    'stock-MÜG', 'StockReceived', '{"quantity":  1, "reference": "Zoë"}', '{"actor":"Zoë"}'
		FROM generate_series(1, 6) AS p`)
	want := chain(t, pool)
	store := open(t, pool, postgres.Config{UnsafeDurability: true, Partitions: 1})
	if _, err := store.Append(t.Context(), one("stock-MÜG", eventstore.Exactly(6))); err != nil {
		t.Fatal(err)
	}
	got := chain(t, pool)
	if len(got) != len(want)+1 || got[len(want)].First != 7 {
		t.Errorf("%d commits after the append, %d before", len(got), len(want))
	}
}

// migratedFrom1 returns a log of one partition that the first release had filled, after its migration.
func migratedFrom1(t testing.TB, url, fill string, args ...any) *pgxpool.Pool {
	t.Helper()
	pool, err := db.Open(context.Background(), url, 4)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	migrateTo1(t, pool)
	_, err = pool.Exec(context.Background(), fill, args...)
	if err == nil {
		_, err = pool.Exec(context.Background(), `
			UPDATE log_head
			SET partitions = 1, position = (SELECT count(*) FROM events), tails = ARRAY[(SELECT count(*) FROM events)]`)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Migrate(context.Background(), pool, "eventstore", postgres.Migrations()); err != nil {
		t.Fatal(err)
	}
	return pool
}

// migrateTo1 makes the tables of the first release.
func migrateTo1(t testing.TB, pool *pgxpool.Pool) {
	t.Helper()
	const name = "00001_event_log.sql"
	text, err := os.ReadFile("migrations/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Migrate(context.Background(), pool, "eventstore", fstest.MapFS{name: {Data: text}}); err != nil {
		t.Fatal(err)
	}
}

// A program of the first release that is still running cannot append without the chain.
func TestOldProgramCannotBreakTheChain(t *testing.T) {
	t.Parallel()
	_, pool := setup(t)
	if _, err := pool.Exec(t.Context(), `UPDATE log_head SET position = position + 1`); err == nil {
		t.Error("the head moved without the chain")
	}
}
