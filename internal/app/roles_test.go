package app_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ordo-platform/ordo/eventstore"
	eventpg "github.com/ordo-platform/ordo/eventstore/postgres"
	"github.com/ordo-platform/ordo/internal/app"
	"github.com/ordo-platform/ordo/internal/client"
	"github.com/ordo-platform/ordo/internal/embedded"
	"github.com/ordo-platform/ordo/internal/postgres"
	"github.com/ordo-platform/ordo/internal/testenv"
)

var quiet = slog.New(slog.DiscardHandler)

func connect(tb testing.TB, address string) *pgx.Conn {
	tb.Helper()
	conn, err := pgx.Connect(tb.Context(), address)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func queryAll[T any](tb testing.TB, conn *pgx.Conn, sql string, args ...any) []T {
	tb.Helper()
	rows, _ := conn.Query(tb.Context(), sql, args...) // CollectRows has the error
	all, err := pgx.CollectRows(rows, pgx.RowTo[T])
	if err != nil {
		tb.Fatalf("%s: %v", sql, err)
	}
	return all
}

func wantCode(tb testing.TB, what string, err error, code string) {
	tb.Helper()
	if said, ok := errors.AsType[*pgconn.PgError](err); !ok || said.Code != code {
		tb.Errorf("%s: %v, want SQLSTATE %s", what, err, code)
	}
}

// TestRoles has a platform at work under its roles, and each of them try what it must not be able to do.
func TestRoles(t *testing.T) {
	t.Parallel()
	p := start(t, app.LocalConfig{Logger: quiet})
	p.confirm(t, p.openShop(t), "all is well", client.Item{SKU: "MUG", Quantity: 1})

	for service, address := range p.Databases {
		conn := connect(t, address)
		users := queryAll[string](t, conn, "SELECT DISTINCT usename FROM pg_stat_activity WHERE datname = current_database()")
		if want := service + "_runtime"; !slices.Equal(users, []string{want}) {
			t.Errorf("%s is used by %v, want %s alone", service, users, want)
		}
	}

	const insufficientPrivilege = "42501"
	runtime, owner := connect(t, p.Databases[app.Orders]), connect(t, p.Owners[app.Orders])
	for _, denied := range []struct {
		role      *pgx.Conn
		statement string
	}{
		{runtime, `UPDATE events SET type = 'Other'`},
		{runtime, `UPDATE events SET type = 'Other' WHERE false`},
		{runtime, `DELETE FROM events`},
		{runtime, `TRUNCATE events`},
		{runtime, `INSERT INTO events SELECT * FROM events ON CONFLICT (position) DO UPDATE SET type = 'Other'`},
		{runtime, `SELECT FROM events FOR UPDATE`},
		{runtime, `LOCK TABLE events IN ACCESS EXCLUSIVE MODE`},
		{runtime, `ALTER TABLE events DISABLE TRIGGER events_append_only`},
		{runtime, `DROP TRIGGER events_append_only ON events`},
		{runtime, `ALTER TABLE events DROP CONSTRAINT events_stream_version_key`},
		{runtime, `DROP TABLE events`},
		{runtime, `CREATE INDEX ON events (type)`},
		{runtime, `CREATE RULE other AS ON INSERT TO events DO INSTEAD NOTHING`},
		{runtime, `SELECT events_refuse_change()`},
		{runtime, `CREATE OR REPLACE FUNCTION events_refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'`},
		{runtime, `UPDATE log_head SET schema_version = 1`},
		{runtime, `INSERT INTO log_head (schema_version) VALUES (1)`},
		{runtime, `DELETE FROM log_head`},
		{runtime, `UPDATE log_commits SET link = link`},
		{runtime, `DELETE FROM log_commits`},
		{runtime, `UPDATE receipts SET response = ''`},
		{runtime, `DELETE FROM receipts`},
		{runtime, `DELETE FROM leases`},
		{runtime, `TRUNCATE tasks`},
		{runtime, `DELETE FROM checkpoints`},
		{runtime, `DELETE FROM productview_g1.productview_products`},
		{runtime, `CREATE TABLE productview_g1.made ()`},
		{runtime, `UPDATE generations SET state = 'retired'`},
		{runtime, `UPDATE migrations_eventstore SET is_applied = false`},
		{runtime, `DELETE FROM migrations_eventstore`},
		{runtime, `INSERT INTO migrations_eventstore (version_id, is_applied) VALUES (99, true)`},
		{runtime, `CREATE TABLE made ()`},
		{runtime, `CREATE TEMP TABLE made ()`},
		{runtime, `CREATE SCHEMA made`},
		{runtime, `CREATE FUNCTION made() RETURNS int LANGUAGE sql AS 'SELECT 1'`},
		{runtime, `CREATE ROLE made`},
		{runtime, `SET ROLE orders`},
		{runtime, `SET session_replication_role = replica`},
		{runtime, `SELECT FROM pg_authid`},
		{runtime, `COPY events TO PROGRAM 'true'`},
		{runtime, `SELECT pg_read_file('PG_VERSION')`},

		{owner, `UPDATE events SET type = 'Other'`},
		{owner, `DELETE FROM events WHERE false`},
		{owner, `TRUNCATE events`},
		{owner, `DELETE FROM log_commits`},
		{owner, `SET session_replication_role = replica`},
		{owner, `CREATE ROLE made`},
		{owner, `ALTER ROLE orders_runtime SUPERUSER`},
		{owner, `SET ROLE orders_runtime`},
		{owner, `SET ROLE inventory`},
		{owner, `SELECT FROM pg_authid`},
		{owner, `COPY events TO PROGRAM 'true'`},
	} {
		err := pgx.BeginFunc(t.Context(), denied.role, func(tx pgx.Tx) error {
			_, err := tx.Exec(t.Context(), denied.statement)
			return errors.Join(err, errRollback)
		})
		wantCode(t, denied.role.Config().User+": "+denied.statement, err, insufficientPrivilege)
	}

	_, err := owner.Exec(t.Context(), `CREATE DATABASE made`) // not in a transaction
	wantCode(t, "orders: CREATE DATABASE", err, insufficientPrivilege)

	for _, address := range []string{p.Databases[app.Orders], p.Owners[app.Orders]} {
		for _, other := range append(slices.DeleteFunc(app.Services(), func(s string) bool { return s == app.Orders }), "postgres", "template1") {
			u, err := url.Parse(address)
			if err != nil {
				t.Fatal(err)
			}
			u.Path = "/" + other
			conn, err := pgx.Connect(t.Context(), u.String())
			if err == nil {
				_ = conn.Close(t.Context())
			}
			wantCode(t, u.User.Username()+" connects to "+other, err, insufficientPrivilege)
		}
	}
	p.stop()
}

var errRollback = errors.New("whatever it was, it shall not stay")

// TestFolderWithoutRuntimeRoles: builds before the present one made one role per service, which owns everything. Their data
// folders work on, with what is in them.
func TestFolderWithoutRuntimeRoles(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	server, err := embedded.StartPostgres(t.Context(), embedded.PostgresConfig{DataDir: filepath.Join(dir, "postgres")})
	if err != nil {
		t.Fatal(err)
	}
	admin := connect(t, server.URL("postgres"))
	for _, statement := range []string{
		`CREATE ROLE inventory LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD 'before'`,
		`CREATE DATABASE inventory OWNER inventory TEMPLATE template0`,
		`REVOKE ALL ON DATABASE inventory, postgres, template1 FROM PUBLIC`,
	} {
		if _, err := admin.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	before, err := url.Parse(server.URL("inventory"))
	if err != nil {
		t.Fatal(err)
	}
	before.User = url.UserPassword("inventory", "before")
	receiveStock(t, before.String(), "MUG")
	if err := server.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}

	p := start(t, app.LocalConfig{DataDir: dir, Logger: quiet})
	stock, err := p.client.Stock(t.Context(), "MUG", "inventory:1")
	if err != nil || stock.Value.OnHand != 7 {
		t.Errorf("stock %+v, %v, want the 7 that were there", stock.Value, err)
	}
	p.confirm(t, p.openShop(t), "all is well", client.Item{SKU: "MUG", Quantity: 1})
	p.stop()
}

// receiveStock migrates a database of inventory, as its owner, and takes 7 pieces in.
func receiveStock(t *testing.T, address, sku string) {
	t.Helper()
	pool, err := postgres.Open(t.Context(), address, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if err := postgres.Migrate(t.Context(), pool, "eventstore", eventpg.Migrations()); err != nil {
		t.Fatal(err)
	}
	store, err := eventpg.Open(t.Context(), pool, eventpg.Config{})
	if err != nil {
		t.Fatal(err)
	}
	err = pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
		_, err := store.AppendTx(t.Context(), tx, eventstore.Append{Streams: []eventstore.StreamAppend{{
			Stream: eventstore.StreamID("stock-" + sku),
			Events: []eventstore.Event{{
				ID: eventstore.NewID(), Type: "StockReceived", SchemaVersion: 1,
				Data: fmt.Appendf(nil, `{"sku":%q,"quantity":7,"reference":"before","at":"2026-01-01T00:00:00Z"}`, sku),
			}},
		}}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestGivenServer runs the platform on a server of the user's, whose role in its address is not a superuser.
func TestGivenServer(t *testing.T) {
	t.Parallel()
	server := testenv.DurablePostgres(t)
	admin := connect(t, server.URL())
	exec := func(statements ...string) {
		t.Helper()
		for _, statement := range statements {
			if _, err := admin.Exec(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
	}
	exec(`CREATE ROLE plain LOGIN CREATEDB PASSWORD 'pw'`, `CREATE ROLE maker LOGIN CREATEDB CREATEROLE PASSWORD 'pw'`)
	address := func(role string) string {
		u, err := url.Parse(server.URL())
		if err != nil {
			t.Fatal(err)
		}
		u.User = url.UserPassword(role, "pw")
		return u.String()
	}
	warnings := &counter{}
	// tryAs runs a platform and returns the roles that use the databases of its services.
	runs := 0
	tryAs := func(role string) []string {
		runs++
		warnings.n.Store(0)
		p := start(t, app.LocalConfig{DatabaseURL: address(role), Logger: slog.New(warnings)})
		defer p.stop()
		p.confirm(t, p.openShop(t), fmt.Sprint("run ", runs), client.Item{SKU: "MUG", Quantity: 1})
		var users []string
		for _, service := range app.Services() {
			conn := connect(t, p.Databases[service])
			users = append(users, queryAll[string](t, conn, "SELECT current_user")...)
			_ = conn.Close(t.Context())
		}
		return slices.Compact(users)
	}

	if users := tryAs("plain"); !slices.Equal(users, []string{"plain"}) || warnings.n.Load() != 1 {
		t.Errorf("without the right to make roles services run as %v, %d warnings, want as plain, and to be told once", users, warnings.n.Load())
	}
	_, err := app.NewLocal(t.Context(), app.LocalConfig{DatabaseURL: address("maker"), Logger: quiet})
	if err == nil || !strings.Contains(err.Error(), "database ordo_orders belongs to another role") {
		t.Errorf("another owner: %v", err)
	}
	for _, service := range app.Services() {
		exec(`DROP DATABASE ordo_` + service + ` WITH (FORCE)`)
	}

	var want []string
	for _, service := range app.Services() {
		want = append(want, "ordo_"+service+"_runtime")
	}
	for range 2 { // the second time, everything is there
		if users := tryAs("maker"); !slices.Equal(users, want) || warnings.n.Load() != 0 {
			t.Errorf("services run as %v, %d warnings, want %v", users, warnings.n.Load(), want)
		}
	}
	if conn, err := pgx.Connect(t.Context(), strings.Replace(address("plain"), "/postgres?", "/ordo_orders?", 1)); err == nil {
		_ = conn.Close(t.Context())
		t.Error("a role of no concern may connect")
	}
}

// counter counts warnings of services that run with all privileges.
type counter struct {
	slog.Handler
	n atomic.Int64
}

func (c *counter) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }

func (c *counter) Handle(_ context.Context, r slog.Record) error {
	if strings.HasPrefix(r.Message, "services run with all privileges") { // a busy machine is warned of other things too
		c.n.Add(1)
	}
	return nil
}
func (c *counter) WithAttrs([]slog.Attr) slog.Handler { return c }
func (c *counter) WithGroup(string) slog.Handler      { return c }
