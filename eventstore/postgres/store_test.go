package postgres_test

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/eventstore/postgres"
	db "github.com/ordo-platform/ordo/internal/postgres"
	"github.com/ordo-platform/ordo/internal/testenv"
)

// A stored event cannot be changed, even by a superuser, and even where ordinary triggers are off.
func TestEventsCannotBeChanged(t *testing.T) {
	t.Parallel()
	store, pool := setup(t)
	if _, err := store.Append(t.Context(), one("order-1", 0)); err != nil {
		t.Fatal(err)
	}
	before := wantLog(t, store, 1)
	for _, role := range []string{"origin", "replica"} {
		for _, sql := range []string{
			`UPDATE events SET type = 'Other'`,
			`UPDATE events SET type = 'Other' WHERE false`,
			`DELETE FROM events`,
			`TRUNCATE events`,
			`MERGE INTO events USING (SELECT 1::bigint AS position) s ON events.position = s.position WHEN MATCHED THEN DELETE`,
			`INSERT INTO events SELECT * FROM events ON CONFLICT (position) DO UPDATE SET type = 'Other'`,
		} {
			err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
				if _, err := tx.Exec(t.Context(), `SET LOCAL session_replication_role = `+role); err != nil {
					t.Fatal(err)
				}
				_, err := tx.Exec(t.Context(), sql)
				return err
			})
			answer, ok := errors.AsType[*pgconn.PgError](err)
			if !ok || answer.Code != "42501" || !strings.Contains(answer.Message, "append-only") {
				t.Errorf("%s as %s: error %v", sql, role, err)
			}
		}
	}
	if after := wantLog(t, store, 1); after[0].Type != before[0].Type {
		t.Errorf("type is now %s", after[0].Type)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	url := testenv.Postgres(t)
	wantRefusal := func(pool *pgxpool.Pool, cfg postgres.Config, want string) {
		t.Helper()
		if _, err := postgres.Open(t.Context(), pool, cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q in it", err, want)
		}
	}
	empty, err := pgxpool.New(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer empty.Close()
	unsafe := postgres.Config{UnsafeDurability: true}
	wantRefusal(empty, unsafe, "run the migrations")

	pool := migrated(t, url, 4)
	wantRefusal(pool, postgres.Config{UnsafeDurability: true, Partitions: -1}, "Partitions is negative")
	open(t, pool, postgres.Config{UnsafeDurability: true, Partitions: 7})
	wantRefusal(pool, unsafe, "7 partitions, not 12")
	open(t, pool, postgres.Config{UnsafeDurability: true, Partitions: 7})

	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	cfg.ConnConfig.RuntimeParams["synchronous_commit"] = "off"
	lossy, err := pgxpool.NewWithConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer lossy.Close()
	wantRefusal(lossy, postgres.Config{Partitions: 7}, "may lose what it has acknowledged")
	open(t, lossy, postgres.Config{Partitions: 7, UnsafeDurability: true})

	if _, err := pool.Exec(t.Context(), `UPDATE log_head SET schema_version = 99`); err != nil {
		t.Fatal(err)
	}
	wantRefusal(pool, postgres.Config{Partitions: 7, UnsafeDurability: true}, "schema version 99")
}

// The role a service runs under needs no more than Access says: everything a store does works under it.
func TestAccessIsEnough(t *testing.T) {
	t.Parallel()
	url := testenv.Postgres(t)
	admin := migrated(t, url, 2)
	role := "ordo_test_" + strings.ToLower(rand.Text()[:10])
	exec := func(sql string) {
		t.Helper()
		if _, err := admin.Exec(context.Background(), sql); err != nil {
			t.Fatal(err)
		}
	}
	exec(`CREATE ROLE ` + role)
	t.Cleanup(func() {
		exec(`DROP OWNED BY ` + role)
		exec(`DROP ROLE ` + role)
	})
	if err := db.Grant(t.Context(), admin, role, postgres.Access()); err != nil {
		t.Fatal(err)
	}
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	cfg.ConnConfig.RuntimeParams["role"] = role
	pool, err := pgxpool.NewWithConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	store := open(t, pool, postgres.Config{UnsafeDurability: true})
	a := one("payment-1", eventstore.NoStream)
	a.Receipt = &eventstore.Receipt{Scope: "s", Key: "k"}
	a.Tasks = []eventstore.Task{{Kind: "pay", Key: "1"}}
	if _, err := store.Append(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	task := claim(t, store, "pay", 1)[0]
	if err := store.RetryTask(t.Context(), task, 0); err != nil {
		t.Error(err)
	}
	if err := complete(t, store, pool, claim(t, store, "pay", 1)[0]); err != nil {
		t.Error(err)
	}
	lease := store.Lease("relay", "me", hour)
	if _, err := lease.Acquire(t.Context()); err != nil {
		t.Error(err)
	}
	if err := errors.Join(lease.Renew(t.Context()), lease.Release(t.Context())); err != nil {
		t.Error(err)
	}
	if _, err := store.Unseen(t.Context(), make([]eventstore.Position, postgres.DefaultPartitions)); err != nil {
		t.Error(err)
	}
	wantLog(t, store, 2)
}

func TestTails(t *testing.T) {
	t.Parallel()
	store, _ := setup(t)
	want := make([]eventstore.Position, postgres.DefaultPartitions)
	for i, stream := range []string{"order-1", "order-2", "order-1", "stock-MUG"} {
		commit, err := store.Append(t.Context(), one(stream, eventstore.AnyVersion))
		if err != nil || int(commit.Last) != i+1 {
			t.Fatal(commit, err)
		}
		want[eventstore.PartitionOf(eventstore.StreamID(stream).Key(), len(want))] = commit.Last
	}
	head, tails, err := store.Tails(t.Context())
	if err != nil || head != 4 || len(tails) != len(want) {
		t.Fatalf("head %d, tails %v, %v", head, tails, err)
	}
	for i := range want {
		if tails[i] != want[i] {
			t.Errorf("partition %d ends at %d, want %d", i, tails[i], want[i])
		}
	}
}

func TestSubscribersAreWoken(t *testing.T) {
	t.Parallel()
	store, _ := setup(t)
	wake, cancel := store.Subscribe()
	other, cancelOther := store.Subscribe()
	cancelOther()
	for range 3 {
		if _, err := store.Append(t.Context(), one("order-1", eventstore.AnyVersion)); err != nil {
			t.Fatal(err)
		}
		<-wake
	}
	store.Notify()
	store.Notify()
	<-wake
	select {
	case <-wake:
		t.Error("wake-ups did not coalesce")
	case <-other:
		t.Error("woken after cancel")
	default:
	}
	cancel()
	store.Notify()
	select {
	case <-wake:
		t.Error("woken after cancel")
	default:
	}
}

// A caller that has nothing to append but a task or a receipt still gets them with the events, or not at all.
func TestTasksAreStoredWithTheEvents(t *testing.T) {
	t.Parallel()
	store, _ := setup(t)
	a := one("payment-1", eventstore.NoStream)
	a.Tasks = []eventstore.Task{{Kind: "authorize", Key: "1"}}
	if _, err := store.Append(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	lost := one("payment-1", eventstore.NoStream)
	lost.Tasks = []eventstore.Task{{Kind: "authorize", Key: "2"}}
	if _, err := store.Append(t.Context(), lost); err == nil {
		t.Fatal("no conflict")
	}
	tasks, err := store.ClaimTasks(context.Background(), "authorize", 10, hour)
	if err != nil || len(tasks) != 1 || tasks[0].Key != "1" || tasks[0].Position != 1 {
		t.Errorf("tasks %+v, %v", tasks, err)
	}
}
