package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/eventstore/postgres"
)

const hour = time.Hour

func addTasks(t *testing.T, store *postgres.Store, tasks ...eventstore.Task) {
	t.Helper()
	a := one("payment-1", eventstore.AnyVersion)
	a.Tasks = tasks
	if _, err := store.Append(t.Context(), a); err != nil {
		t.Fatal(err)
	}
}

func claim(t *testing.T, store *postgres.Store, kind string, limit int) []postgres.ClaimedTask {
	t.Helper()
	tasks, err := store.ClaimTasks(t.Context(), kind, limit, hour)
	if err != nil {
		t.Fatal(err)
	}
	return tasks
}

// expireClaims lets the claims of all tasks expire.
func expireClaims(t *testing.T, pool *pgxpool.Pool) {
	t.Helper()
	if _, err := pool.Exec(t.Context(), `UPDATE tasks SET claimed_until = now() WHERE claimed_until IS NOT NULL`); err != nil {
		t.Fatal(err)
	}
}

func complete(t *testing.T, store *postgres.Store, pool *pgxpool.Pool, task postgres.ClaimedTask) error {
	t.Helper()
	return pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
		if err := completeIn(tx, store, task); err != nil {
			return err
		}
		_, err := store.AppendTx(t.Context(), tx, one("payment-1", eventstore.AnyVersion))
		return err
	})
}

func completeIn(tx pgx.Tx, store *postgres.Store, task postgres.ClaimedTask) error {
	b, removed := &pgx.Batch{}, false
	store.CompleteTaskIn(b, task, func() { removed = true })
	if err := tx.SendBatch(context.Background(), b).Close(); err != nil || removed {
		return err
	}
	return &postgres.ClaimLostError{Task: task}
}

func wantClaimLost(t *testing.T, err error) {
	t.Helper()
	if _, ok := errors.AsType[*postgres.ClaimLostError](err); !ok {
		t.Errorf("error %v, want a lost claim", err)
	}
}

func TestStaleClaimCannotComplete(t *testing.T) {
	t.Parallel()
	store, pool := setup(t)
	addTasks(t, store, eventstore.Task{Kind: "pay", Key: "1"})
	first := claim(t, store, "pay", 10)
	if len(first) != 1 || first[0].Attempt != 1 {
		t.Fatalf("claimed %+v", first)
	}
	if again := claim(t, store, "pay", 10); len(again) != 0 {
		t.Errorf("claimed twice: %+v", again)
	}
	expireClaims(t, pool)
	second := claim(t, store, "pay", 10)
	if len(second) != 1 || second[0].Attempt != 2 {
		t.Fatalf("claimed %+v after the claim expired", second)
	}
	wantClaimLost(t, complete(t, store, pool, first[0]))
	wantClaimLost(t, store.RetryTask(t.Context(), first[0], 0))
	wantLog(t, store, 1)

	if err := complete(t, store, pool, second[0]); err != nil {
		t.Error(err)
	}
	wantClaimLost(t, complete(t, store, pool, second[0]))
	wantLog(t, store, 2)

	// The same task, asked for anew, is not the one of the old claims.
	addTasks(t, store, eventstore.Task{Kind: "pay", Key: "1"})
	if third := claim(t, store, "pay", 10); len(third) != 1 || third[0].Attempt != 1 {
		t.Errorf("claimed %+v", third)
	}
	wantClaimLost(t, complete(t, store, pool, first[0]))
}

// An expired claim that nobody took over is still good: the work was done once.
func TestExpiredClaimCompletesIfNobodyTookIt(t *testing.T) {
	t.Parallel()
	store, pool := setup(t)
	addTasks(t, store, eventstore.Task{Kind: "pay", Key: "1"})
	task := claim(t, store, "pay", 1)[0]
	expireClaims(t, pool)
	if err := complete(t, store, pool, task); err != nil {
		t.Error(err)
	}
}

func TestTasksAreDueInTime(t *testing.T) {
	t.Parallel()
	store, pool := setup(t)
	ctx := t.Context()
	if _, some, err := store.NextTaskDue(ctx, "pay"); err != nil || some {
		t.Errorf("due: %v, %v", some, err)
	}
	addTasks(t, store, eventstore.Task{Kind: "pay", Key: "later", Delay: hour}, eventstore.Task{Kind: "other", Key: "now"})
	addTasks(t, store, eventstore.Task{Kind: "pay", Key: "later", Delay: 2 * hour}) // is there, and is due before
	if tasks := claim(t, store, "pay", 10); len(tasks) != 0 {
		t.Errorf("claimed %+v", tasks)
	}
	wantDue := func(in time.Duration) {
		t.Helper()
		due, some, err := store.NextTaskDue(ctx, "pay")
		if d := due - in; err != nil || !some || d.Abs() > 5*time.Minute {
			t.Errorf("due in %v, %v, %v, want in %v", due, some, err, in)
		}
	}
	wantDue(hour)
	addTasks(t, store, eventstore.Task{Kind: "pay", Key: "now"})
	wantDue(0)
	task := claim(t, store, "pay", 10)
	if len(task) != 1 || task[0].Key != "now" {
		t.Fatalf("claimed %+v", task)
	}
	wantDue(hour) // when the claim ends
	if err := store.RetryTask(ctx, task[0], 0); err != nil {
		t.Fatal(err)
	}
	wantDue(0)
	again := claim(t, store, "pay", 10)
	if len(again) != 1 || again[0].Attempt != 2 {
		t.Fatalf("claimed %+v", again)
	}
	if err := store.RetryTask(ctx, again[0], 2*hour); err != nil {
		t.Fatal(err)
	}
	if tasks := claim(t, store, "pay", 10); len(tasks) != 0 {
		t.Errorf("claimed %+v", tasks)
	}
	wantDue(hour)
	if err := complete(t, store, pool, again[0]); err != nil {
		t.Errorf("the claim is still the newest: %v", err)
	}
}

// A task that was put off is due at once when somebody asks for it at once, in the same append or a later one. It stays the
// one it was; a claim on it holds.
func TestATaskIsDueWhenItIsFirstWanted(t *testing.T) {
	t.Parallel()
	store, pool := setup(t)
	addTasks(t, store, eventstore.Task{Kind: "pay", Key: "1", Delay: hour}, eventstore.Task{Kind: "pay", Key: "1"})
	first := claim(t, store, "pay", 10)
	if len(first) != 1 || first[0].Attempt != 1 {
		t.Fatalf("claimed %+v", first)
	}
	addTasks(t, store, eventstore.Task{Kind: "pay", Key: "1"})
	if tasks := claim(t, store, "pay", 10); len(tasks) != 0 {
		t.Errorf("claimed %+v while another has it", tasks)
	}
	if err := store.RetryTask(t.Context(), first[0], 2*hour); err != nil {
		t.Fatal(err)
	}
	addTasks(t, store, eventstore.Task{Kind: "pay", Key: "1", Delay: hour})
	if tasks := claim(t, store, "pay", 10); len(tasks) != 0 {
		t.Errorf("claimed %+v, which is put off", tasks)
	}
	addTasks(t, store, eventstore.Task{Kind: "pay", Key: "1"})
	second := claim(t, store, "pay", 10)
	if len(second) != 1 || second[0].Attempt != 2 || second[0].Position != first[0].Position {
		t.Fatalf("claimed %+v, want the second attempt of %+v", second, first)
	}
	if err := complete(t, store, pool, second[0]); err != nil {
		t.Error(err)
	}
}

func TestWorkersShareTasks(t *testing.T) {
	t.Parallel()
	store, pool := setup(t)
	const tasks, workers = 60, 4
	for i := range tasks {
		addTasks(t, store, eventstore.Task{Kind: "pay", Key: fmt.Sprint(i)})
	}
	var mu sync.Mutex
	done := make(map[string]int)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for {
				claimed, err := store.ClaimTasks(context.Background(), "pay", 3, hour)
				if err != nil || len(claimed) > 3 {
					t.Errorf("claimed %d, %v", len(claimed), err)
				}
				if len(claimed) == 0 {
					return
				}
				for _, task := range claimed {
					if err := complete(t, store, pool, task); err != nil {
						t.Error(err)
					}
					mu.Lock()
					done[task.Key]++
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	if len(done) != tasks {
		t.Errorf("%d tasks done, want %d", len(done), tasks)
	}
	for key, n := range done {
		if n != 1 {
			t.Errorf("task %s was done %d times", key, n)
		}
	}
	wantLog(t, store, 2*tasks)
}

// TestCompleteTasks: those whose claim is void stay, for whoever has them now.
func TestCompleteTasks(t *testing.T) {
	t.Parallel()
	store, pool := setup(t)
	addTasks(t, store, eventstore.Task{Kind: "call", Key: "a"}, eventstore.Task{Kind: "call", Key: "b"}, eventstore.Task{Kind: "call", Key: "c"})
	lost := claim(t, store, "call", 1)
	expireClaims(t, pool)
	mine := claim(t, store, "call", 3)
	if len(mine) != 3 {
		t.Fatalf("claimed %d", len(mine))
	}
	if err := store.CompleteTasks(t.Context(), lost...); err != nil {
		t.Fatal(err)
	}
	if err := store.CompleteTasks(t.Context(), mine[1:]...); err != nil {
		t.Fatal(err)
	}
	if err := store.CompleteTasks(t.Context()); err != nil {
		t.Fatal(err)
	}
	expireClaims(t, pool)
	if left := claim(t, store, "call", 3); len(left) != 1 || left[0].Key != mine[0].Key {
		t.Errorf("left are %v, want %s alone", left, mine[0].Key)
	}
}

// What an attempt failed with stays with the task, until a later one fails with something else; giving it back without
// having failed changes nothing about that.
func TestATaskRemembersItsLastError(t *testing.T) {
	t.Parallel()
	store, _ := setup(t)
	addTasks(t, store, eventstore.Task{Kind: "call", Key: "k"})
	if task, found, err := store.Task(t.Context(), "call", "k"); err != nil || !found || task.Attempt != 0 || task.LastError != "" {
		t.Fatalf("%+v, %t, %v", task, found, err)
	}
	for i, c := range []struct {
		failed error
		want   string
	}{
		{errors.New("status 503"), "status 503"},
		{nil, "status 503"},
		{errors.New("bad \x00\xff bytes " + strings.Repeat("x", 5000)), ""},
	} {
		claimed, err := store.ClaimTasks(t.Context(), "call", 1, time.Minute)
		if err != nil || len(claimed) != 1 {
			t.Fatalf("%v, %v", claimed, err)
		}
		if c.failed == nil {
			err = store.RetryTask(t.Context(), claimed[0], 0)
		} else {
			err = store.RetryFailedTask(t.Context(), claimed[0], 0, c.failed)
		}
		if err != nil {
			t.Fatal(err)
		}
		task, found, err := store.Task(t.Context(), "call", "k")
		if err != nil || !found || task.Attempt != i+1 || (c.want != "" && task.LastError != c.want) || len(task.LastError) > 1100 {
			t.Errorf("%+v, %t, %v", task, found, err)
		}
	}
	if _, found, err := store.Task(t.Context(), "call", "another"); err != nil || found {
		t.Errorf("%t, %v", found, err)
	}
}

// TestDoneTasks: an append takes away what is done, also from a worker that has claimed it, but does not wait for a worker that is
// removing it. What is wanted again afterwards, even in the same transaction, stays; so does what a refused append calls done.
func TestDoneTasks(t *testing.T) {
	t.Parallel()
	store, pool := setup(t)
	ctx := t.Context()
	task := func(key string) eventstore.Task { return eventstore.Task{Kind: "wait", Key: key} }
	starts := func(key string) eventstore.Append {
		a := one("order-1", eventstore.AnyVersion)
		a.Tasks = []eventstore.Task{task(key)}
		return a
	}
	ends := func(key string) eventstore.Append {
		a := one("order-1", eventstore.AnyVersion)
		a.Done = []eventstore.TaskID{task(key).ID(), {Kind: "wait", Key: "unknown"}, {Kind: "another", Key: key}}
		return a
	}
	wantLeft := func(when string, want ...string) {
		t.Helper()
		var left []string
		if err := pool.QueryRow(ctx, "SELECT array_agg(key ORDER BY key) FROM tasks").Scan(&left); err != nil || !slices.Equal(left, want) {
			t.Errorf("%s: %v, %v, want %v", when, left, err, want)
		}
	}

	addTasks(t, store, task("claimed"), task("free"), task("held"))
	claimed := claim(t, store, "wait", 1)[0]
	for _, key := range []string{claimed.Key, "free"} {
		if _, err := store.Append(ctx, ends(key)); err != nil {
			t.Fatal(err)
		}
	}
	wantLeft("after appends", "held")
	wantClaimLost(t, complete(t, store, pool, claimed))

	held := claim(t, store, "wait", 1)[0]
	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if err := completeIn(tx, store, held); err != nil {
			return err
		}
		_, err := store.Append(ctx, ends("held"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	wantLeft("after both removed it")

	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		_, err := store.AppendTx(ctx, tx, starts("a"), ends("a"), starts("b"), ends("b"), starts("b"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	wantLeft("after one transaction", "b")

	refused := ends("b")
	refused.Streams[0].Expected = eventstore.NoStream
	if errs := appendTogether(t, store, pool, nil, ends("unknown"), refused); errs[0] != nil || errs[1] == nil {
		t.Errorf("errors %v", errs)
	}
	wantLeft("after a group that one append of was refused", "b")
}

// Plans are kept, and most are made while there are no tasks. Each must find what it wants by an index then, too: one that goes
// through all tasks costs nothing at first and more with each that waits.
func TestNoPlanGoesThroughAllTasks(t *testing.T) {
	t.Parallel()
	_, pool := setup(t)
	if _, err := pool.Exec(t.Context(), "VACUUM ANALYZE tasks"); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), pool.Config().ConnString())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	if _, err := conn.Exec(t.Context(), "SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan"); err != nil {
		t.Fatal(err)
	}
	for n, sql := range postgres.TaskStatements {
		named := pgx.StrictNamedArgs{}
		for _, name := range regexp.MustCompile(`@(\w+)`).FindAllStringSubmatch(sql, -1) {
			named[name[1]] = ""
		}
		sql, args, err := named.RewriteQuery(t.Context(), conn, sql, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Exec(t.Context(), fmt.Sprintf("PREPARE s%d AS %s", n, sql)); err != nil {
			t.Fatal(err)
		}
		nulls := strings.TrimSuffix(strings.Repeat("NULL, ", len(args)), ", ")
		rows, err := conn.Query(t.Context(), fmt.Sprintf("EXPLAIN EXECUTE s%d (%s)", n, nulls), pgx.QueryExecModeSimpleProtocol)
		if err != nil {
			t.Fatal(err)
		}
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		plan := strings.Join(lines, "\n")
		if err != nil || !strings.Contains(plan, "Index Scan") || regexp.MustCompile(`Filter: .*\bkey\b|Seq Scan|Sort`).MatchString(plan) {
			t.Errorf("%v: %s\n%s", err, sql, plan)
		}
	}
}
