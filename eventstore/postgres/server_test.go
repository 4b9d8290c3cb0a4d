package postgres_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/eventstore/postgres"
	"github.com/ordo-platform/ordo/internal/testenv"
)

// answers is a server as it describes itself.
type answers struct {
	version                                            int
	standby                                            bool
	readOnly, fsync, fullPageWrites, synchronousCommit string
}

func (a answers) Query(context.Context, string, ...any) (pgx.Rows, error) {
	return nil, errors.New("nothing is asked but one row")
}
func (a answers) QueryRow(context.Context, string, ...any) pgx.Row { return a }

func (a answers) Scan(into ...any) error {
	*into[0].(*int), *into[1].(*bool) = a.version, a.standby //nolint:forcetypeassert // the test fails if it is another
	for i, value := range []string{a.readOnly, a.fsync, a.fullPageWrites, a.synchronousCommit} {
		*into[2+i].(*string) = value //nolint:forcetypeassert // as above
	}
	return nil
}

func TestUnfitServersAreRefused(t *testing.T) {
	t.Parallel()
	good := answers{150000, false, "off", "on", "on", "on"}
	with := func(change func(*answers)) answers {
		a := good
		change(&a)
		return a
	}
	for want, server := range map[string]answers{
		"PostgreSQL 14, which is too old":   with(func(a *answers) { a.version = 140099 }),
		"is a standby":                      with(func(a *answers) { a.standby = true }),
		"default_transaction_read_only":     with(func(a *answers) { a.readOnly = "on" }),
		"fsync is off: turn it on":          with(func(a *answers) { a.fsync = "off" }),
		"full_page_writes is off":           with(func(a *answers) { a.fullPageWrites = "off" }),
		"synchronous_commit is off: turn":   with(func(a *answers) { a.synchronousCommit = "off" }),
		"PostgreSQL 9, which is too old":    {90624, true, "on", "off", "off", "off"},
		"server is a standby, which nobody": {150000, true, "on", "off", "off", "off"},
	} {
		err := postgres.CheckServer(t.Context(), server, false)
		unfit, ok := errors.AsType[*postgres.UnfitServerError](err)
		if !ok || !strings.Contains(unfit.Reason, want) || strings.Contains(unfit.Reason, "\n") || !errors.Is(err, eventstore.ErrUnavailable) {
			t.Errorf("error %v, want %q", err, want)
			continue
		}
		if accepted := postgres.CheckServer(t.Context(), server, true) == nil; accepted != unfit.Unsafe {
			t.Errorf("%v: accepted as unsafe: %v, said to be acceptable: %v", err, accepted, unfit.Unsafe)
		}
	}
	for _, fine := range []answers{good, with(func(a *answers) { a.synchronousCommit = "remote_apply" }), with(func(a *answers) { a.version = 180003 })} {
		if err := postgres.CheckServer(t.Context(), fine, false); err != nil {
			t.Errorf("%+v: %v", fine, err)
		}
	}
}

func TestOpenRefusesADatabaseThatCannotKeepEveryText(t *testing.T) {
	t.Parallel()
	admin, err := pgxpool.New(t.Context(), testenv.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	cfg := admin.Config()
	cfg.ConnConfig.Database += "_latin"
	name := pgx.Identifier{cfg.ConnConfig.Database}.Sanitize()
	if _, err := admin.Exec(t.Context(), "CREATE DATABASE "+name+" TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'"); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if _, err := admin.Exec(context.Background(), "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	}()
	pool, err := pgxpool.NewWithConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	_, err = postgres.Open(t.Context(), pool, postgres.Config{UnsafeDurability: true})
	if unfit, ok := errors.AsType[*postgres.UnfitServerError](err); !ok || !strings.Contains(unfit.Reason, "has the encoding LATIN1") {
		t.Errorf("error %v", err)
	}
}

// A failover turns the server into a standby while the store is at work, and another one lets it be the primary again; then
// it comes back with a setting that loses commits. Nothing is stored meanwhile, and what was stored is all there is.
func TestServerThatBecomesUnfitTakesNoAppends(t *testing.T) {
	t.Parallel()
	server := testenv.DurablePostgres(t)
	pool := migrated(t, server.URL(), 4)
	store := open(t, pool, postgres.Config{})
	stored := 0
	wantRefused := func(reason string) {
		t.Helper()
		for range 3 {
			_, err := store.Append(t.Context(), one("order-1", eventstore.AnyVersion))
			if !errors.Is(err, eventstore.ErrUnavailable) || !strings.Contains(err.Error(), reason) {
				t.Errorf("error %v, want unavailable, %q", err, reason)
			}
		}
		if err := store.Err(); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("the store says of itself: %v, want %q", err, reason)
		}
	}
	wantAppended := func() {
		t.Helper()
		for {
			_, err := store.Append(t.Context(), one("order-1", eventstore.Exactly(eventstore.Version(stored))))
			if err == nil {
				stored++
				if err := store.Err(); err != nil {
					t.Errorf("after an append the store says of itself: %v", err)
				}
				return
			}
			if t.Context().Err() != nil || !errors.Is(err, eventstore.ErrUnavailable) {
				t.Fatal(err) // it goes on being told so for a moment
			}
		}
	}
	wantAppended()

	server.Demote()
	pool.Reset() // its connections are those of the server before
	wantRefused("is a standby")
	if _, err := postgres.Open(t.Context(), pool, postgres.Config{}); !errors.Is(err, eventstore.ErrUnavailable) {
		t.Errorf("opened on a standby: %v", err)
	}
	wantLog(t, store, stored) // it can still be read
	if _, err := pool.Exec(t.Context(), "SELECT pg_promote()"); err != nil {
		t.Fatal(err)
	}
	wantAppended()

	server.Restart("fsync=off")
	wantRefused("fsync is off")
	server.Restart()
	pool.Reset()
	wantAppended()
	wantLog(t, store, stored)
}
