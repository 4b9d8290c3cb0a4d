package postgres_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/eventstore/eventstoretest"
	"github.com/ordo-platform/ordo/eventstore/postgres"
	"github.com/ordo-platform/ordo/internal/testenv"
)

// holdHead keeps the head of the log locked until release, so that appends collect.
func holdHead(t *testing.T, pool *pgxpool.Pool) (release func()) {
	t.Helper()
	tx, err := pool.Begin(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	release = sync.OnceFunc(func() { _ = tx.Rollback(context.Background()) })
	t.Cleanup(release)
	if _, err := tx.Exec(context.Background(), `SELECT FROM log_head FOR UPDATE`); err != nil {
		t.Fatal(err)
	}
	return release
}

// await polls until the condition holds: for what the store or the server shows, but does not signal.
func await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for limit := time.After(30 * time.Second); !condition(); {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// appendTogether appends all as one group: the head is held until they are all waiting behind a first append, and then, if
// given, is called. It returns the errors.
func appendTogether(t *testing.T, store *postgres.Store, pool *pgxpool.Pool, then func(), appends ...eventstore.Append) []error {
	t.Helper()
	release := holdHead(t, pool)
	errs := make([]error, len(appends))
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := store.Append(t.Context(), one("order-first", eventstore.NoStream)); err != nil {
			t.Error(err)
		}
	})
	await(t, "the writer is at work", func() bool { return lockWaiters(t, pool) == 1 })
	for i, a := range appends {
		wg.Go(func() { _, errs[i] = store.Append(t.Context(), a) })
		await(t, "the append is in the queue", func() bool { return store.Waiting() == i+1 })
	}
	if then != nil {
		then()
	}
	release()
	wg.Wait()
	return errs
}

// lockWaiters returns how many backends of the database wait for a lock.
func lockWaiters(t *testing.T, pool *pgxpool.Pool) (n int) {
	t.Helper()
	err := pool.QueryRow(context.Background(),
		`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&n)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func wantLog(t *testing.T, store *postgres.Store, n int) []eventstore.Recorded {
	t.Helper()
	events := eventstoretest.ReadAll(t, store)
	eventstoretest.CheckLog(t, events)
	if len(events) != n {
		t.Errorf("log has %d events, want %d", len(events), n)
	}
	return events
}

func TestAppendsOfOneGroupAreCheckedInOrder(t *testing.T) {
	t.Parallel()
	store, pool := setup(t)
	withKey := func(stream, response string) eventstore.Append {
		a := one(stream, eventstore.NoStream)
		a.Receipt = &eventstore.Receipt{Scope: "s", Key: "k", Response: []byte(response)}
		return a
	}
	errs := appendTogether(t, store, pool, nil,
		one("order-1", eventstore.NoStream),
		one("order-1", eventstore.NoStream),
		one("order-1", eventstore.Exactly(1)),
		withKey("order-2", "kept"),
		withKey("order-3", "refused"),
		one("order-1", eventstore.AnyVersion),
		one("order-1", eventstore.Exactly(4)),
	)
	for _, i := range []int{0, 2, 3, 5} {
		if errs[i] != nil {
			t.Errorf("append %d: %v", i, errs[i])
		}
	}
	if conflict, ok := errors.AsType[*eventstore.ConflictError](errs[1]); !ok || conflict.Actual != 1 {
		t.Errorf("append 1: error %v, want conflict with version 1", errs[1])
	}
	used, ok := errors.AsType[*eventstore.KeyUsedError](errs[4])
	if !ok || string(used.Receipt.Response) != "kept" || used.Receipt.Position != 4 {
		t.Errorf("append 4: error %v, want the receipt of append 3", errs[4])
	}
	if conflict, ok := errors.AsType[*eventstore.ConflictError](errs[6]); !ok || conflict.Actual != 3 {
		t.Errorf("append 6: error %v, want conflict with version 3", errs[6])
	}
	wantLog(t, store, 5)
}

func TestBadAppendFailsAlone(t *testing.T) {
	t.Parallel()
	store, pool := setup(t)
	// Something only the database objects to.
	if _, err := pool.Exec(t.Context(), `ALTER TABLE events ADD CHECK (type <> 'Bad')`); err != nil {
		t.Fatal(err)
	}
	bad := one("order-bad", eventstore.NoStream)
	bad.Streams[0].Events[0].Type = "Bad"
	errs := appendTogether(t, store, pool, nil, one("order-1", 0), bad, one("order-1", 1), one("order-bad", 0), one("order-2", 0))
	for i, err := range errs {
		if (err != nil) != (i == 1) {
			t.Errorf("append %d: error %v", i, err)
		}
	}
	wantLog(t, store, 5)
}

func TestDuplicateInAGroupFailsAlone(t *testing.T) {
	t.Parallel()
	store, pool := setup(t)
	twice := one("order-1", eventstore.NoStream)
	again := one("order-2", eventstore.NoStream)
	again.Streams[0].Events = twice.Streams[0].Events
	errs := appendTogether(t, store, pool, nil, twice, one("order-3", 0), again, one("order-2", 0))
	duplicate, ok := errors.AsType[*eventstore.DuplicateEventError](errs[2])
	if !ok || duplicate.ID != twice.Streams[0].Events[0].ID {
		t.Errorf("error %v, want a duplicate of %s", errs[2], twice.Streams[0].Events[0].ID)
	}
	for _, i := range []int{0, 1, 3} {
		if errs[i] != nil {
			t.Errorf("append %d: %v", i, errs[i])
		}
	}
	wantLog(t, store, 4)
}

// A group larger than allowed is cut, and nothing is lost at the cuts.
func TestGroupsAreBounded(t *testing.T) {
	t.Parallel()
	pool := migrated(t, testenv.Postgres(t), 8)
	store := open(t, pool, postgres.Config{UnsafeDurability: true, MaxGroupEvents: 3, MaxGroupBytes: 40})
	var appends []eventstore.Append
	for i := range 20 {
		appends = append(appends, one("order-1", eventstore.Exactly(eventstore.Version(i))))
	}
	for i, err := range appendTogether(t, store, pool, nil, appends...) {
		if err != nil {
			t.Errorf("append %d: %v", i, err)
		}
	}
	wantLog(t, store, 21)
}

// The caller that goes away takes nobody with it: its append is in a group that commits, or was never in one.
func TestCallerThatLeavesOnlyStopsWaiting(t *testing.T) {
	t.Parallel()
	store, pool := setup(t)
	release := holdHead(t, pool)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	appendAs := func(ctx context.Context, stream string, want error) {
		wg.Go(func() {
			if _, err := store.Append(ctx, one(stream, eventstore.NoStream)); !errors.Is(err, want) {
				t.Errorf("append %s: error %v, want %v", stream, err, want)
			}
		})
	}
	var left sync.WaitGroup
	inside := one("order-inside", 0)
	left.Go(func() {
		if _, err := store.Append(ctx, inside); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	})
	await(t, "the writer is at work", func() bool { return lockWaiters(t, pool) == 1 })
	left.Go(func() {
		if _, err := store.Append(ctx, one("order-queued", 0)); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	})
	await(t, "one waits", func() bool { return store.Waiting() == 1 })
	appendAs(t.Context(), "order-stays", nil)
	await(t, "both wait", func() bool { return store.Waiting() == 2 })
	cancel()
	left.Wait() // they return although the head is still held
	copy(inside.Streams[0].Events[0].Data, "garbage")
	release()
	wg.Wait()

	log := wantLog(t, store, 2)
	if string(log[0].Data) != string(event().Data) {
		t.Errorf("data is %q: the store kept the caller's memory", log[0].Data)
	}
	if log[0].Stream != "order-inside" || log[1].Stream != "order-stays" {
		t.Errorf("log: %s, %s", log[0].Stream, log[1].Stream)
	}
}

func TestFullQueueIsBusy(t *testing.T) {
	t.Parallel()
	pool := migrated(t, testenv.Postgres(t), 4)
	for name, cfg := range map[string]postgres.Config{
		"appends": {UnsafeDurability: true, MaxQueue: 2},
		"bytes":   {UnsafeDurability: true, MaxQueueBytes: 20},
	} {
		t.Run(name, func(t *testing.T) {
			store, err := postgres.Open(t.Context(), pool, cfg)
			if err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			for i := range 2 {
				wg.Go(func() {
					if _, err := store.Append(t.Context(), one("order-1", eventstore.AnyVersion)); err != nil {
						t.Error(err)
					}
				})
				await(t, "it is in the queue", func() bool { return store.Waiting() == i+1 })
			}
			if _, err := store.Append(t.Context(), one("order-1", eventstore.AnyVersion)); !errors.Is(err, eventstore.ErrBusy) {
				t.Errorf("error %v, want busy", err)
			}
			run(t, store)
			wg.Wait()
			if _, err := store.Append(t.Context(), one("order-1", eventstore.AnyVersion)); err != nil {
				t.Errorf("after the queue was emptied: %v", err)
			}
		})
	}
}

func TestStopFinishesWhatWasAccepted(t *testing.T) {
	t.Parallel()
	pool := migrated(t, testenv.Postgres(t), 4)
	store, err := postgres.Open(t.Context(), pool, postgres.Config{UnsafeDurability: true})
	if err != nil {
		t.Fatal(err)
	}
	stop := run(t, store)
	release := holdHead(t, pool)
	var wg sync.WaitGroup
	for i := range 5 {
		wg.Go(func() {
			if _, err := store.Append(t.Context(), one("order-1", eventstore.AnyVersion)); err != nil {
				t.Errorf("accepted append: %v", err)
			}
		})
		if i == 0 {
			await(t, "the writer is at work", func() bool { return lockWaiters(t, pool) == 1 })
		} else {
			await(t, "it is in the queue", func() bool { return store.Waiting() == i })
		}
	}
	stopped := make(chan struct{})
	go func() { stop(); close(stopped) }()
	await(t, "the store refuses", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_, err := store.Append(ctx, one("order-1", eventstore.AnyVersion)) // if it is accepted, it is dropped
		return errors.Is(err, eventstore.ErrClosed)
	})
	release()
	<-stopped
	wg.Wait()
	wantLog(t, store, 5)
	if err := store.Run(t.Context()); err == nil {
		t.Error("Run ran twice")
	}
}

// A head that is never released must not keep Run from returning.
func TestStopIsBounded(t *testing.T) {
	t.Parallel()
	pool := migrated(t, testenv.Postgres(t), 4)
	store, err := postgres.Open(t.Context(), pool, postgres.Config{UnsafeDurability: true, DrainTimeout: 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	stop := run(t, store)
	holdHead(t, pool)
	errs := make(chan error, 2)
	for i := range 2 {
		go func() {
			_, err := store.Append(context.Background(), one("order-1", eventstore.AnyVersion))
			errs <- err
		}()
		if i == 0 {
			await(t, "the writer is at work", func() bool { return lockWaiters(t, pool) == 1 })
		} else {
			await(t, "one waits", func() bool { return store.Waiting() == 1 })
		}
	}
	stop()
	for range 2 {
		if err := <-errs; !errors.Is(err, eventstore.ErrClosed) {
			t.Errorf("error %v, want closed", err)
		}
	}
}

// Someone keeps the head for longer than the writer waits: callers get a clear answer, and it ends with the cause.
func TestHeldHeadIsBusy(t *testing.T) {
	t.Parallel()
	store, pool := setup(t)
	release := holdHead(t, pool)
	if _, err := store.Append(t.Context(), one("order-1", 0)); !errors.Is(err, eventstore.ErrBusy) {
		t.Errorf("error %v, want busy", err)
	}
	release()
	if _, err := store.Append(t.Context(), one("order-1", 0)); err != nil {
		t.Error(err)
	}
	wantLog(t, store, 1)
}

func TestAppendTxIsAllOrNone(t *testing.T) {
	t.Parallel()
	store, pool := setup(t)
	appendTx := func(finish func(pgx.Tx) error, appends ...eventstore.Append) ([]eventstore.Commit, error) {
		tx, err := pool.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tx.Rollback(context.Background()) }()
		commits, err := store.AppendTx(t.Context(), tx, appends...)
		if err != nil {
			return nil, err
		}
		events, err := store.ReaderTx(tx).ReadLog(t.Context(), 0, 100)
		if err != nil || int(commits[len(commits)-1].Last) != len(events) {
			t.Errorf("within the transaction the log has %d events, %v", len(events), err)
		}
		return commits, finish(tx)
	}
	commit := func(tx pgx.Tx) error { return tx.Commit(t.Context()) }
	rollback := func(tx pgx.Tx) error { return tx.Rollback(t.Context()) }

	if _, err := appendTx(rollback, one("order-1", 0)); err != nil {
		t.Fatal(err)
	}
	wantLog(t, store, 0) // and the position is free again

	_, err := appendTx(commit, one("order-1", 0), one("order-2", 0), one("order-1", 0))
	if conflict, ok := errors.AsType[*eventstore.ConflictError](err); !ok || conflict.Stream != "order-1" || conflict.Actual != 1 {
		t.Errorf("error %v, want a conflict with the first append", err)
	}
	wantLog(t, store, 0)

	commits, err := appendTx(commit, one("order-1", 0), one("order-2", 0), one("order-1", 1))
	if err != nil || len(commits) != 3 || commits[0].Last != 1 || commits[2].First != 3 || commits[2].Versions[0] != 2 {
		t.Fatalf("commits %+v, %v", commits, err)
	}
	wantLog(t, store, 3)
	if commits, err := store.AppendTx(t.Context(), nil); err != nil || len(commits) != 0 {
		t.Errorf("no appends: %v, %v", commits, err)
	}
}

// What is staged holds up nobody until it is sent, and notices who came in between.
func TestStageTx(t *testing.T) {
	t.Parallel()
	store, pool := setup(t)
	for i, c := range []struct {
		name      string
		meanwhile string
		conflict  bool
	}{
		{"another stream", "order-2", false},
		{"the same stream", "order-1", true},
	} {
		tx, err := pool.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		stage, err := store.StageTx(t.Context(), tx, one("order-1", eventstore.Exactly(eventstore.Version(i))), one("order-3", eventstore.AnyVersion))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := store.Append(t.Context(), one(c.meanwhile, eventstore.AnyVersion)); err != nil {
			t.Fatal(err)
		}
		stage.Queue("COMMIT")
		if err := tx.SendBatch(t.Context(), stage).Close(); errors.Is(err, eventstore.ErrConflict) != c.conflict || (err == nil) == c.conflict {
			t.Errorf("%s: error %v", c.name, err)
		}
		_ = tx.Rollback(t.Context())
	}
	wantLog(t, store, 4) // two staged, two in between

	tx, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.Background()) }()
	_, err = store.StageTx(t.Context(), tx, one("order-1", eventstore.NoStream))
	if conflict, ok := errors.AsType[*eventstore.ConflictError](err); !ok || conflict.Actual != 2 {
		t.Errorf("error %v, want a conflict at once", err)
	}
	if stage, err := store.StageTx(t.Context(), nil); err != nil || stage.Len() != 0 {
		t.Errorf("no appends: %v, %v", stage, err)
	}
}

// The check of a version must see what was committed while the transaction waited for the head.
func TestVersionsAreCheckedAfterTheLock(t *testing.T) {
	t.Parallel()
	store, pool := setup(t)
	for _, level := range []pgx.TxIsoLevel{pgx.ReadCommitted, pgx.RepeatableRead} {
		stream := "order-" + string(level)
		tx, err := pool.BeginTx(t.Context(), pgx.TxOptions{IsoLevel: level})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := store.ReaderTx(tx).Head(t.Context()); err != nil { // takes the snapshot of a stricter level
			t.Fatal(err)
		}
		first, err := pool.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := store.AppendTx(t.Context(), first, one(stream, eventstore.NoStream)); err != nil {
			t.Fatal(err)
		}
		second := make(chan error)
		go func() {
			_, err := store.AppendTx(t.Context(), tx, one(stream, eventstore.NoStream))
			second <- err
		}()
		await(t, "the second waits for the head", func() bool { return lockWaiters(t, pool) == 1 })
		if err := first.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		err = <-second
		_, conflict := errors.AsType[*eventstore.ConflictError](err)
		if err == nil || conflict != (level == pgx.ReadCommitted) {
			t.Errorf("%s: error %v", level, err)
		}
		_ = tx.Rollback(t.Context())
	}
	wantLog(t, store, 2)
}

// A stream that one append of a group takes for new may be another's old one: it is looked up all the same.
func TestRefusedNewStreamDoesNotHideItsVersion(t *testing.T) {
	t.Parallel()
	store, pool := setup(t)
	keyed := one("order-1", eventstore.NoStream)
	keyed.Receipt = &eventstore.Receipt{Scope: "s", Key: "k", Fingerprint: []byte("f"), Response: []byte("r")}
	if _, err := store.Append(t.Context(), keyed); err != nil {
		t.Fatal(err)
	}
	again := one("order-1", eventstore.NoStream)
	again.Receipt = keyed.Receipt
	errs := appendTogether(t, store, pool, nil, again, one("order-1", eventstore.Exactly(1)))
	if _, used := errors.AsType[*eventstore.KeyUsedError](errs[0]); !used || errs[1] != nil {
		t.Errorf("got %v, want a used key and no error", errs)
	}
}
