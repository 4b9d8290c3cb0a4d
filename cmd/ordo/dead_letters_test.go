package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ordo-platform/ordo/internal/consumer"
	"github.com/ordo-platform/ordo/internal/postgres"
	"github.com/ordo-platform/ordo/internal/testenv"
)

// parkedDatabase has a key with a failed event and one behind it, and a record that is none. Nobody consumes.
func parkedDatabase(t *testing.T) *pgxpool.Pool {
	t.Helper()
	address := testenv.Postgres(t)
	pool, err := postgres.Open(t.Context(), address, 4)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	if err := postgres.Migrate(t.Context(), pool, "consumer", consumer.Migrations()); err != nil {
		t.Fatal(err)
	}
	_, err = pool.Exec(t.Context(), `
		INSERT INTO parked_keys (consumer, topic, partition, key, position) VALUES ('views.orderview', 'orders.events', 1, 'a', 3);
		INSERT INTO parked_events (consumer, topic, partition, key, position, follows, type, attempts, record_time, class, fingerprint, error,
		                           record_key, record_value, record_headers)
		VALUES ('views.orderview', 'orders.events', 1, 'a', 3, NULL, 'OrderPlaced', 6, now(), 'failed', '0123456789ab', E'no\tstock', 'a', '{"total":1}', '[]'),
		       ('views.orderview', 'orders.events', 1, 'a', 7, 3, 'OrderConfirmed', 0, now(), 'follows', '0123456789ab', '', 'a', '{}', '[]'),
		       ('views.orderview', 'orders.events', 1, '', NULL, NULL, '', 1, now(), 'bad_envelope', 'ba9876543210', 'ce_id is missing', '', '\xff00', '[]')`)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("ORDO_VIEWS_DATABASE_URL", u.String())
	t.Setenv("ORDO_DATA_DIR", t.TempDir())
	return pool
}

func TestDeadLettersListAndShow(t *testing.T) {
	parkedDatabase(t)
	r := ordo(t.Context(), "dead-letters", "list", "-o", "json")
	var list struct{ Groups []consumer.DeadLetterGroup }
	if err := json.Unmarshal([]byte(r.out), &list); err != nil || r.exit != exitOK || len(list.Groups) != 2 {
		t.Fatalf("%+v %v", r, err)
	}
	if g := list.Groups[0]; g.Fingerprint != "0123456789ab" || g.Failed != 1 || g.Waiting != 1 || g.Keys != 1 || g.Class != "failed" || g.Type != "OrderPlaced" {
		t.Errorf("group %+v", g)
	}
	r = ordo(t.Context(), "dead-letters", "show", "0123456789ab", "-o", "json")
	var show struct{ Letters []consumer.DeadLetter }
	if err := json.Unmarshal([]byte(r.out), &show); err != nil || len(show.Letters) != 2 || show.Letters[1].Follows != 3 || string(show.Letters[0].Value) != `{"total":1}` {
		t.Errorf("%+v %v", r, err)
	}
	for _, c := range []struct {
		exit int
		args []string
	}{
		{exitOK, []string{"list"}},
		{exitOK, []string{"show"}},
		{exitNotFound, []string{"show", "ffffffffffff"}},
		{exitUsage, []string{"show", "nonsense"}},
		{exitUsage, []string{"show", "17"}},
		{exitUsage, []string{"redrive"}},
		{exitUsage, []string{"redrive", "--all"}},
		{exitUsage, []string{"redrive", "--all", "--reason", "x", "--rate", "0"}},
		{exitUsage, []string{"discard", "--all", "--reason", ""}},
		{exitNotFound, []string{"redrive", "--key", "nobody", "--reason", "x"}},
		{exitConflict, []string{"redrive", "ba9876543210", "--reason", "x"}},
		{exitUnreachable, []string{"list", "--consumer", "orders.fulfilment"}},
	} {
		if r := ordo(t.Context(), append([]string{"dead-letters"}, c.args...)...); r.exit != c.exit {
			t.Errorf("%v: exit %d, want %d: %s", c.args, r.exit, c.exit, r.err)
		}
	}
}

// A redrive is a wish; a dry run is none; asking twice is asking once.
func TestDeadLettersRedriveAndDiscard(t *testing.T) {
	pool := parkedDatabase(t)
	request := func() (request, reason string) {
		err := pool.QueryRow(context.Background(), "SELECT coalesce(request, ''), coalesce(request_reason, '') FROM parked_keys").Scan(&request, &reason)
		if err != nil {
			t.Fatal(err)
		}
		return request, reason
	}
	if r := ordo(t.Context(), "dead-letters", "redrive", "0123456789ab", "--dry-run"); r.exit != exitOK {
		t.Errorf("%+v", r)
	}
	if asked, _ := request(); asked != "" {
		t.Errorf("a dry run has asked for %q", asked)
	}
	for range 2 {
		if r := ordo(t.Context(), "dead-letters", "redrive", "0123456789ab", "--reason", "fixed", "--wait", "0"); r.exit != exitOK {
			t.Errorf("%+v", r)
		}
	}
	if asked, reason := request(); asked != "redrive" || reason != "fixed" {
		t.Errorf("asked for %q because %q", asked, reason)
	}

	done := make(chan error, 1) // a consumer that does it
	go func() {
		<-time.After(300 * time.Millisecond)
		done <- pgx.BeginFunc(context.Background(), pool, func(tx pgx.Tx) error {
			_, err := tx.Exec(context.Background(), "UPDATE parked_events SET status = 'applied', resolved_at = now() WHERE key = 'a'; DELETE FROM parked_keys")
			return err
		})
	}()
	r := ordo(t.Context(), "dead-letters", "redrive", "0123456789ab", "--reason", "fixed", "-o", "json")
	var c changed
	if err := json.Unmarshal([]byte(r.out), &c); err != nil || r.exit != exitOK || !c.Done || c.Applied != 2 {
		t.Errorf("%+v %+v", r, c)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if r := ordo(t.Context(), "dead-letters", "redrive", "0123456789ab", "--reason", "again"); r.exit != exitConflict {
		t.Errorf("%+v", r)
	}
	if r := ordo(t.Context(), "dead-letters", "discard", "ba9876543210", "--reason", "spam", "-o", "json"); r.exit != exitOK {
		t.Errorf("%+v", r)
	}
	var reason string
	if err := pool.QueryRow(context.Background(), "SELECT reason FROM parked_events WHERE status = 'discarded'").Scan(&reason); err != nil || reason != "spam" {
		t.Error(fmt.Sprint(reason, err))
	}
}
