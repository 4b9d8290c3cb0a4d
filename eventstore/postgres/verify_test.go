package postgres_test

import (
	"context"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/eventstore/postgres"
	db "github.com/ordo-platform/ordo/internal/postgres"
	"github.com/ordo-platform/ordo/internal/testenv"
)

// tamperLog fills a log with six commits: 1, 2..4, 5, 6..7, 8, 9. Of its two partitions, 1 has order-1 (1, 5, 9) and
// stock-D (3), 0 has stock-A (2, 6, 7) and order-2 (4, 8).
func tamperLog(t *testing.T) (*postgres.Store, *pgxpool.Pool) {
	t.Helper()
	pool := migrated(t, testenv.Postgres(t), 4)
	store := open(t, pool, postgres.Config{UnsafeDurability: true, Partitions: 2})
	for _, streams := range [][]eventstore.StreamID{
		{"order-1"},
		{"stock-A", "stock-D", "order-2"},
		{"order-1"},
		{"stock-A", "stock-A"},
		{"order-2"},
		{"order-1"},
	} {
		var a eventstore.Append
		for _, stream := range streams {
			if n := len(a.Streams); n > 0 && a.Streams[n-1].Stream == stream {
				a.Streams[n-1].Events = append(a.Streams[n-1].Events, event())
				continue
			}
			a.Streams = append(a.Streams, one(string(stream), eventstore.AnyVersion).Streams...)
		}
		if _, err := store.Append(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	return store, pool
}

// unprotect takes the triggers and constraints away that would be in the way of a superuser who tampers, and keeps a copy
// of the log. tamper changes a fresh copy.
func unprotect(t *testing.T, pool *pgxpool.Pool) (tamper func(t *testing.T, sql string)) {
	t.Helper()
	exec := func(t *testing.T, sql string) {
		t.Helper()
		if _, err := pool.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	exec(t, `
		ALTER TABLE events DISABLE TRIGGER ALL, DROP CONSTRAINT events_pkey, DROP CONSTRAINT events_event_id_key,
		    DROP CONSTRAINT events_stream_version_key, DROP CONSTRAINT events_version_check, DROP CONSTRAINT events_prev_check;
		ALTER TABLE log_commits DISABLE TRIGGER ALL, DROP CONSTRAINT log_commits_pkey,
		    DROP CONSTRAINT log_commits_first_check, DROP CONSTRAINT log_commits_link_check;
		ALTER TABLE log_head DROP CONSTRAINT log_head_linked_check, DROP CONSTRAINT log_head_link_check,
		    DROP CONSTRAINT log_head_tails_check;
		CREATE TABLE kept_events AS TABLE events;
		CREATE TABLE kept_commits AS TABLE log_commits;
		CREATE TABLE kept_head AS TABLE log_head`)
	return func(t *testing.T, sql string) {
		t.Helper()
		exec(t, `
			TRUNCATE events, log_commits, log_head;
			INSERT INTO events TABLE kept_events;
			INSERT INTO log_commits TABLE kept_commits;
			INSERT INTO log_head TABLE kept_head;
			`+strings.ReplaceAll(sql, "REWRITE", rewriteChain(t)))
	}
}

// rewriteChain is the SQL of someone who knows how the chain is made, and makes a new one over what the log holds now:
// it is what the migration does.
func rewriteChain(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile("migrations/00002_hash_chain.sql")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile(`(?s)DO \$\$.*?\n\$\$;`).Find(text)
	if block == nil {
		t.Fatal("the migration has no block that makes the chain")
	}
	return "DELETE FROM log_commits; " + string(block)
}

const (
	swapRows = `
		UPDATE events a SET event_id = b.event_id, version = b.version, schema_version = b.schema_version, stream = b.stream,
		    type = b.type, data = b.data, metadata = b.metadata, partition = b.partition
		FROM events b WHERE (a.position, b.position) IN `
	cutTail = `
		DELETE FROM events WHERE position > 7; DELETE FROM log_commits WHERE last > 7;
		UPDATE log_head SET position = 7, linked = 7, tails = '{7,5}', link = (SELECT link FROM log_commits WHERE last = 7)`
	noFinding = postgres.FindingKind("")
)

func TestTamperingIsFound(t *testing.T) {
	t.Parallel()
	_, pool := tamperLog(t)
	tamper := unprotect(t, pool)
	for name, c := range map[string]struct {
		sql         string
		kind        postgres.FindingKind
		first, last eventstore.Position
	}{
		"nothing":                     {"", noFinding, 0, 0},
		"data":                        {`UPDATE events SET data = '{"n":2}' WHERE position = 5`, postgres.BytesChanged, 5, 5},
		"space in data":               {`UPDATE events SET data = '{"n": 1}' WHERE position = 1`, postgres.BytesChanged, 1, 1},
		"data in a large commit":      {`UPDATE events SET data = '{"n":2}' WHERE position = 3`, postgres.BytesChanged, 2, 4},
		"data of the last event":      {`UPDATE events SET data = '{"n":2}' WHERE position = 9`, postgres.BytesChanged, 9, 9},
		"metadata":                    {`UPDATE events SET metadata = '{"actor":"me"}' WHERE position = 8`, postgres.BytesChanged, 8, 8},
		"type":                        {`UPDATE events SET type = 'OrderPlaceD' WHERE position = 5`, postgres.BytesChanged, 5, 5},
		"schema version":              {`UPDATE events SET schema_version = 2 WHERE position = 5`, postgres.BytesChanged, 5, 5},
		"event id":                    {`UPDATE events SET event_id = gen_random_uuid() WHERE position = 5`, postgres.BytesChanged, 5, 5},
		"stream":                      {`UPDATE events SET stream = 'stock-E' WHERE position = 3`, postgres.BytesChanged, 2, 4},
		"stream of another partition": {`UPDATE events SET stream = 'stock-A' WHERE position = 3`, postgres.BytesChanged, 3, 3},
		"recorded_at":                 {`UPDATE events SET recorded_at = now() WHERE position = 3`, postgres.BytesChanged, 3, 3},
		"deleted":                     {`DELETE FROM events WHERE position = 5`, postgres.EventMissing, 5, 5},
		"deleted in a commit":         {`DELETE FROM events WHERE position IN (3, 4)`, postgres.EventMissing, 3, 4},
		"deleted with its commit":     {`DELETE FROM events WHERE position = 5; DELETE FROM log_commits WHERE last = 5`, postgres.EventMissing, 5, 5},
		"deleted and closed up": {
			`DELETE FROM events WHERE position = 5; UPDATE events SET position = position - 1, prev = least(prev, position - 2) WHERE position > 5`,
			postgres.Renumbered, 5, 5,
		},
		"moved behind the end":      {`UPDATE events SET position = 99 WHERE position = 5`, postgres.EventMissing, 5, 5},
		"doubled":                   {`INSERT INTO events SELECT * FROM events WHERE position = 5`, postgres.EventAdded, 5, 5},
		"added":                     {`INSERT INTO events SELECT 10, 9, recorded_at, gen_random_uuid(), 4, 1, partition, stream, type, data, metadata FROM events WHERE position = 9`, postgres.EventAdded, 10, 10},
		"swapped, other partitions": {swapRows + `((2, 3), (3, 2))`, postgres.Renumbered, 2, 2},
		"swapped, one partition":    {swapRows + `((2, 4), (4, 2))`, postgres.Renumbered, 2, 4},
		"swapped, one stream":       {swapRows + `((6, 7), (7, 6))`, postgres.Renumbered, 6, 6},
		"swapped, other commits":    {swapRows + `((5, 9), (9, 5))`, postgres.Renumbered, 5, 5},
		"version":                   {`UPDATE events SET version = 7 WHERE position = 6`, postgres.Renumbered, 6, 6},
		"version 0":                 {`UPDATE events SET version = 0 WHERE position = 1`, postgres.Renumbered, 1, 1},
		"prev":                      {`UPDATE events SET prev = 2 WHERE position = 7`, postgres.DerivedWrong, 7, 7},
		"prev of the first":         {`UPDATE events SET prev = 1 WHERE position = 2`, postgres.DerivedWrong, 2, 2},
		"partition":                 {`UPDATE events SET partition = 1 WHERE position = 8`, postgres.DerivedWrong, 8, 8},
		"partition that is none":    {`UPDATE events SET partition = -1 WHERE position = 8`, postgres.DerivedWrong, 8, 8},
		"tails":                     {`UPDATE log_head SET tails = '{6,9}'`, postgres.DerivedWrong, 8, 8},
		"partitions":                {`UPDATE log_head SET partitions = 0`, postgres.DerivedWrong, 1, 9},
		"link":                      {`UPDATE log_commits SET link = sha256('x') WHERE last = 4`, postgres.LinkBroken, 2, 4},
		"link of another length":    {`UPDATE log_commits SET link = 'x' WHERE last = 4`, postgres.LinkBroken, 2, 4},
		"last link":                 {`UPDATE log_commits SET link = sha256('x') WHERE last = 9`, postgres.LinkBroken, 9, 9},
		"recorded_at of a commit":   {`UPDATE log_commits SET recorded_at = now() WHERE last = 4`, postgres.LinkBroken, 2, 4},
		"commit deleted":            {`DELETE FROM log_commits WHERE last = 4`, postgres.LinkBroken, 2, 4},
		"commit shortened":          {`UPDATE log_commits SET last = 3 WHERE last = 4`, postgres.BytesChanged, 2, 3},
		"commit split":              {`UPDATE log_commits SET first = 3 WHERE last = 4`, postgres.LinkBroken, 2, 2},
		"commits overlap":           {`UPDATE log_commits SET first = 4 WHERE last = 5`, postgres.LinkBroken, 5, 5},
		"all commits deleted":       {`DELETE FROM log_commits`, postgres.LinkBroken, 1, 9},
		"last commit deleted":       {`DELETE FROM log_commits WHERE last = 9`, postgres.LinkBroken, 9, 9},
		"link of the head":          {`UPDATE log_head SET link = sha256('x')`, postgres.LinkBroken, 9, 9},
		"head moved back":           {`UPDATE log_head SET position = 8, linked = 8, tails = '{8,5}'`, postgres.LinkBroken, 9, 9},
		"head moved into a commit":  {`UPDATE log_head SET position = 6, linked = 6`, postgres.LinkBroken, 7, 9},
		"event before the first":    {`INSERT INTO events SELECT -1, 0, recorded_at, gen_random_uuid(), 4, 1, partition, stream, type, data, metadata FROM events WHERE position = 9`, postgres.EventAdded, -1, 0},
		"commit before the first":   {`INSERT INTO log_commits SELECT 0, 0, recorded_at, link FROM log_commits WHERE last = 9`, postgres.LinkBroken, 0, 0},
		"most commits deleted":      {`DELETE FROM log_commits WHERE last BETWEEN 2 AND 8`, postgres.LinkBroken, 2, 8},
		"events cut":                {`DELETE FROM events WHERE position > 6`, postgres.TailCut, 7, 9},
		"events and commits cut":    {`DELETE FROM events WHERE position > 7; DELETE FROM log_commits WHERE last > 7`, postgres.TailCut, 8, 9},
		"all events cut":            {`DELETE FROM events; DELETE FROM log_commits`, postgres.TailCut, 1, 9},
		"the first of two": {
			`UPDATE events SET data = '{"n":2}' WHERE position = 8; DELETE FROM events WHERE position = 5`, postgres.EventMissing, 5, 5,
		},
		// A chain that was made anew is in order, so what is not in order is so by mistake.
		"versions, rewritten": {`UPDATE events SET version = 5 WHERE position = 9; REWRITE`, postgres.DerivedWrong, 9, 9},
	} {
		t.Run(name, func(t *testing.T) {
			tamper(t, c.sql)
			wantFinding(t, pool, postgres.VerifyConfig{}, c.kind, c.first, c.last)
		})
	}
}

// Someone who makes the chain anew, or cuts off its end everywhere, leaves a log that is in order. Heads that were kept
// outside tell.
func TestOnlyHeadsTell(t *testing.T) {
	t.Parallel()
	store, pool := tamperLog(t)
	var heads []eventstore.Link
	for _, p := range []eventstore.Position{9, 5} {
		head, err := store.LinkAt(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		heads = append(heads, head)
	}
	tamper := unprotect(t, pool)
	for name, c := range map[string]struct {
		sql         string
		kind        postgres.FindingKind
		first, last eventstore.Position
	}{
		"as it was":            {"", noFinding, 0, 0},
		"tail cut":             {cutTail, postgres.TailCut, 8, 9},
		"rewritten, first":     {`UPDATE events SET data = '{"n":2}' WHERE position = 1; REWRITE`, postgres.ChainRewritten, 1, 5},
		"rewritten, later":     {`UPDATE events SET data = '{"n":2}' WHERE position = 7; REWRITE`, postgres.ChainRewritten, 6, 9},
		"one event less":       {`DELETE FROM events WHERE position = 9; UPDATE log_head SET position = 8, tails = '{8,5}'; REWRITE`, postgres.TailCut, 9, 9},
		"other commits":        {`UPDATE events SET recorded_at = (SELECT recorded_at FROM events WHERE position = 6) WHERE position = 5; REWRITE`, postgres.ChainRewritten, 1, 5},
		"also changed further": {`UPDATE events SET data = '{"n":2}' WHERE position = 7; REWRITE; UPDATE events SET data = '{}' WHERE position = 8`, postgres.BytesChanged, 8, 8},
	} {
		t.Run(name, func(t *testing.T) {
			tamper(t, c.sql)
			if c.kind != postgres.BytesChanged {
				wantFinding(t, pool, postgres.VerifyConfig{}, noFinding, 0, 0)
			}
			wantFinding(t, pool, postgres.VerifyConfig{Heads: heads}, c.kind, c.first, c.last)
		})
	}
}

func wantFinding(t *testing.T, pool *pgxpool.Pool, cfg postgres.VerifyConfig, kind postgres.FindingKind, first, last eventstore.Position) {
	t.Helper()
	v, err := postgres.Verify(t.Context(), pool, cfg)
	switch f := v.Finding; {
	case err != nil:
		t.Error(err)
	case f == nil && kind != noFinding:
		t.Errorf("nothing found, want %s at %d..%d", kind, first, last)
	case f != nil && (f.Kind != kind || f.First != first || f.Last != last):
		t.Errorf("found %s at %d..%d (%s), want %q at %d..%d", f.Kind, f.First, f.Last, f.Detail, kind, first, last)
	case f != nil:
		t.Log(f)
	}
}

func TestVerifyFrom(t *testing.T) {
	t.Parallel()
	_, pool := tamperLog(t)
	for from, events := range map[eventstore.Position]int64{0: 9, 1: 9, 2: 8, 3: 8, 5: 5, 9: 1} {
		v, err := postgres.Verify(t.Context(), pool, postgres.VerifyConfig{From: from})
		if err != nil || v.Finding != nil || v.Events != events || v.Head.Position != 9 {
			t.Errorf("from %d: %+v, %v", from, v, err)
		}
	}
	if _, err := postgres.Verify(t.Context(), pool, postgres.VerifyConfig{From: 10}); err == nil {
		t.Error("verified from behind the end")
	}
	tamper := unprotect(t, pool)
	tamper(t, `UPDATE events SET data = '{}' WHERE position = 3`)
	wantFinding(t, pool, postgres.VerifyConfig{From: 4}, postgres.BytesChanged, 2, 4) // in the commit of 4
	wantFinding(t, pool, postgres.VerifyConfig{From: 5}, noFinding, 0, 0)
	tamper(t, `UPDATE events SET version = 5 WHERE position = 9; REWRITE`)
	wantFinding(t, pool, postgres.VerifyConfig{From: 9}, postgres.DerivedWrong, 9, 9) // also what came before From counts
}

func TestVerifyEmptyLog(t *testing.T) {
	t.Parallel()
	pool := migrated(t, testenv.Postgres(t), 2)
	for _, from := range []eventstore.Position{0, 1} {
		wantFinding(t, pool, postgres.VerifyConfig{From: from}, noFinding, 0, 0)
	}
	head := eventstore.Link{Position: 3}
	wantFinding(t, pool, postgres.VerifyConfig{Heads: []eventstore.Link{{}, head}}, postgres.TailCut, 1, 3)
}

func TestVerifyRefusesOtherTables(t *testing.T) {
	t.Parallel()
	pool, err := db.Open(t.Context(), testenv.Postgres(t), 2)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	for _, prepare := range []func(){func() {}, func() { migrateTo1(t, pool) }} {
		prepare()
		if _, err := postgres.Verify(t.Context(), pool, postgres.VerifyConfig{}); err == nil || !strings.Contains(err.Error(), "migrations") {
			t.Errorf("error %v", err)
		}
	}
}

// A log that is written to meanwhile is verified up to where it was.
func TestVerifyWhileAppending(t *testing.T) {
	t.Parallel()
	store, pool := setup(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	j, writers := load(ctx, t, store, 8)
	for range 20 {
		<-j.acked
		wantFinding(t, pool, postgres.VerifyConfig{}, noFinding, 0, 0)
	}
	cancel()
	writers.Wait()
	wantFinding(t, pool, postgres.VerifyConfig{}, noFinding, 0, 0)
}

// A log of the first release, of several stretches, with streams that go through all of them.
func TestVerifyLongMigratedLog(t *testing.T) {
	t.Parallel()
	const events = 50_000
	// Commits of 7 events. Every fifth event is of one stock, the others are of orders of 8 events.
	pool := migratedFrom1(t, testenv.Postgres(t), `
		INSERT INTO events (position, prev, recorded_at, event_id, version, schema_version, partition, stream, type, data, metadata)
		SELECT p, p - 1, timestamptz '2026-01-02 03:04:05.678901+00' + p / 7 * interval '1 millisecond', gen_random_uuid(),
		    CASE WHEN p % 5 = 0 THEN p / 5 ELSE (p % 40 - p % 40 / 5 - 1) / 4 + 1 END, 1, 0,
		    CASE WHEN p % 5 = 0 THEN 'stock-MÜG' ELSE 'order-' || p / 40 || '-' || (p % 40 - p % 40 / 5 - 1) % 4 END,
		    'E', '{"n":1}', '{}'
		FROM generate_series(1, $1::bigint) AS p`, events)
	var calls, checked int64
	v, err := postgres.Verify(t.Context(), pool, postgres.VerifyConfig{Workers: 3, Progress: func(n, total int64) {
		if total != events || n < checked {
			t.Errorf("progress %d of %d after %d", n, total, checked)
		}
		calls, checked = calls+1, n
	}})
	if err != nil || v.Finding != nil || v.Events != events || checked != events || calls < 4 {
		t.Fatalf("%+v, %v; %d calls, %d checked", v, err, calls, checked)
	}
	wantFinding(t, pool, postgres.VerifyConfig{From: 40_001}, noFinding, 0, 0)
	for _, c := range []struct {
		sql         string
		kind        postgres.FindingKind
		first, last eventstore.Position
	}{ // from the end to the beginning: each is before what the ones before did
		{`UPDATE events SET data = '{}' WHERE position = 49999`, postgres.BytesChanged, 49994, 50000},
		{`UPDATE events SET prev = 1 WHERE position = 32769`, postgres.DerivedWrong, 32769, 32769}, // first of a stretch
		{`DELETE FROM events WHERE position = 16384`, postgres.EventMissing, 16384, 16384},
	} {
		if _, err := pool.Exec(t.Context(), `ALTER TABLE events DISABLE TRIGGER ALL; `+c.sql); err != nil {
			t.Fatal(err)
		}
		wantFinding(t, pool, postgres.VerifyConfig{}, c.kind, c.first, c.last)
	}
}
