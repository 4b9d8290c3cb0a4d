package replay_test

import (
	"errors"
	"maps"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/readmodels"
	"github.com/ordo-platform/ordo/internal/replay"
	"github.com/ordo-platform/ordo/projections"
	"github.com/ordo-platform/ordo/projections/orderview"
	"github.com/ordo-platform/ordo/projections/projectiontest"
)

func (f *fixture) checkRows(fold func(orderview.Order, projections.Event) (orderview.Order, error)) {
	f.t.Helper()
	if got, want := f.live(), f.folded(fold); !reflect.DeepEqual(got, want) {
		for key := range want {
			if !reflect.DeepEqual(got[key], want[key]) {
				f.t.Errorf("order %s:\ngot  %+v\nwant %+v", key, got[key], want[key])
				break
			}
		}
		f.t.Errorf("%d rows, want %d; not those of the fold", len(got), len(want))
	}
}

func TestReplayOfAStillLogIsEqualAndBecomesLive(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.shop.trade(5000)
	if err := f.follow(t.Context(), current()); err != nil {
		t.Fatal(err)
	}
	f.run(current())
	result, err := f.replay(current(), replay.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !result.Swapped || result.Number != 2 || f.number() != 2 || result.Report == nil || result.Report.Different != 0 {
		t.Errorf("result %+v", result)
	}
	f.checkRows(orderview.Apply)
}

// The live generation takes on orders all the while, and the new one has them, too.
func TestReplayUnderLoad(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.shop.trade(3000)
	if err := f.follow(t.Context(), current()); err != nil {
		t.Fatal(err)
	}
	stop := f.run(current())
	f.load.Store(20)
	result, err := f.replay(current(), replay.Options{})
	if err != nil {
		t.Fatal(err)
	}
	stop()
	if err := f.follow(t.Context(), current()); err != nil {
		t.Fatal(err)
	}
	if f.number() != result.Number {
		t.Errorf("generation %d is live, not %d", f.number(), result.Number)
	}
	f.checkRows(orderview.Apply)
}

// Three wrong folds, each of which makes rows that look right.
func TestWrongFoldIsCaught(t *testing.T) {
	t.Parallel()
	confirmed := 0
	for name, fold := range map[string]func(orderview.Order, projections.Event) (orderview.Order, error){
		"ignores an event": func(o orderview.Order, e projections.Event) (orderview.Order, error) {
			if _, ok := e.Payload.(order.PaymentRequested); ok {
				mark, err := o.Next(e)
				o.Mark = mark
				o.History = append(slices.Clip(o.History), orderview.Entry{Type: e.Type})
				return o, err
			}
			return orderview.Apply(o, e)
		},
		"gets an amount wrong": func(o orderview.Order, e projections.Event) (orderview.Order, error) {
			o, err := orderview.Apply(o, e)
			if o.Version == 1 && o.Total.Amount%7 == 0 {
				o.Total.Amount++
			}
			return o, err
		},
		"depends on the order of streams": func(o orderview.Order, e projections.Event) (orderview.Order, error) {
			o, err := orderview.Apply(o, e)
			if _, ok := e.Payload.(order.Confirmed); ok {
				if confirmed++; confirmed%2 == 0 {
					o.Reason = "every_other"
				}
			}
			return o, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			f.shop.trade(2000)
			if err := f.follow(t.Context(), current()); err != nil {
				t.Fatal(err)
			}
			before := f.live()
			r, err := replay.New(func() replay.Config { c := f.config(kept(1, fold)); c.Concurrency = 1; return c }())
			if err != nil {
				t.Fatal(err)
			}
			_, err = r.Run(t.Context(), replay.Options{})
			var drift *replay.DriftError
			if !errors.As(err, &drift) || drift.Report.Different == 0 || len(drift.Report.Sample) == 0 {
				t.Fatalf("got %v, want a drift", err)
			}
			if f.number() != 1 || !reflect.DeepEqual(f.live(), before) {
				t.Error("live has changed")
			}
		})
	}
}

// marked is the next version of the fold, which changes a column on purpose.
func marked(o orderview.Order, e projections.Event) (orderview.Order, error) {
	o, err := orderview.Apply(o, e)
	o.PaymentMethod = "v2:" + e.Type
	return o, err
}

// The whole story of a changed fold: the new program beside the old one, a replay that shows what changes, the swap, and the way
// back. Each program feeds its own generation all the while.
func TestNewFoldBesideTheOldProgram(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.shop.trade(3000)
	next := kept(2, marked)
	f.load.Store(2)
	stop := f.run(current(), next)
	f.await(func() bool { return len(f.live()) > 0 })

	_, err := f.replay(next, replay.Options{})
	var drift *replay.DriftError
	if !errors.As(err, &drift) || drift.Report.Fatal != "" || drift.Report.Different != drift.Report.Rows ||
		len(drift.Report.Columns) != 1 || drift.Report.Columns["payment_method"] == 0 {
		t.Fatalf("got %v, want every row to differ in one column", err)
	}
	if f.number() != 1 {
		t.Error("swapped without being asked to expect changes")
	}

	result, err := f.replay(next, replay.Options{Resume: true, ExpectChanges: true})
	if err != nil {
		t.Fatal(err)
	}
	if result.Number != 2 || !result.Swapped || f.number() != 2 {
		t.Errorf("result %+v", result)
	}
	f.await(func() bool { return f.caughtUp(next, 2) && f.caughtUp(current(), 1) })

	r, err := replay.New(f.config(next))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if f.number() != 1 {
		t.Errorf("generation %d is live after the rollback", f.number())
	}
	stop()
	for _, model := range []readmodels.Kept{current(), next} {
		if err := f.follow(t.Context(), model); err != nil {
			t.Fatal(err)
		}
	}
	f.checkRows(orderview.Apply)
	f.load.Store(0)
	stop = f.run(current(), next)
	if _, err := r.Rollback(t.Context()); err != nil { // and forward again
		t.Fatal(err)
	}
	stop()
	f.checkRows(marked)

	dropped, err := r.Retire(t.Context())
	if err != nil || len(dropped) != 1 || dropped[0].Number != 1 {
		t.Errorf("dropped %v, %v", dropped, err)
	}
	var none *replay.NoRollbackError
	if _, err := r.Rollback(t.Context()); !errors.As(err, &none) {
		t.Errorf("got %v, want that there is nothing to go back to", err)
	}
}

// A fold that reads fewer events is wrong however much its rows are expected to change.
func TestExpectedChangesAreNotMissingEvents(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.shop.trade(1000)
	if err := f.follow(t.Context(), current()); err != nil {
		t.Fatal(err)
	}
	_, err := f.replay(kept(2, func(o orderview.Order, e projections.Event) (orderview.Order, error) {
		o, err := orderview.Apply(o, e)
		if _, ok := e.Payload.(order.Confirmed); ok {
			o.Position-- // as if it had been another event
		}
		return o, err
	}), replay.Options{ExpectChanges: true})
	var drift *replay.DriftError
	if !errors.As(err, &drift) || drift.Report.Fatal == "" {
		t.Fatalf("got %v, want a drift that cannot be expected", err)
	}
	if f.number() != 1 {
		t.Error("swapped")
	}
}

// Nobody would feed the new generation: it is left as it is, verified, until a program with its fold runs.
func TestSwapWaitsForAProgramWithTheFold(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.shop.trade(1000)
	f.run(current())
	f.await(func() bool { return len(f.live()) > 0 })
	next := kept(2, marked)
	_, err := f.replay(next, replay.Options{ExpectChanges: true})
	var unfed *replay.UnfedError
	if !errors.As(err, &unfed) || f.number() != 1 {
		t.Fatalf("got %v, live %d", err, f.number())
	}
	f.run(next)
	result, err := f.replay(next, replay.Options{Resume: true})
	if err != nil || !result.Swapped || result.Number != unfed.Generation.Number {
		t.Errorf("result %+v, %v", result, err)
	}
}

// The program that fed the old generation is gone: going back would show an older state.
func TestRollbackIsRefusedWhenBehind(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.shop.trade(1000)
	stop := f.run(current())
	f.await(func() bool { return len(f.live()) > 0 })
	next := kept(2, marked)
	f.run(next)
	if _, err := f.replay(next, replay.Options{ExpectChanges: true}); err != nil {
		t.Fatal(err)
	}
	stop()
	f.shop.trade(500)
	f.await(func() bool { return f.caughtUp(next, 2) })
	if _, err := f.pool.Exec(t.Context(), "UPDATE generations SET fed_at = fed_at - interval '1 minute' WHERE number = 1"); err != nil {
		t.Fatal(err)
	}
	r, err := replay.New(f.config(next))
	if err != nil {
		t.Fatal(err)
	}
	var unfed *replay.UnfedError
	if _, err := r.Rollback(t.Context()); !errors.As(err, &unfed) || unfed.Behind == 0 || f.number() != 2 {
		t.Errorf("got %v, live %d", err, f.number())
	}
}

func TestVerifyOnlyFindsDriftAndLeavesNothing(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.shop.trade(2000)
	if err := f.follow(t.Context(), current()); err != nil {
		t.Fatal(err)
	}
	for _, o := range []replay.Options{{VerifyOnly: true}, {VerifyOnly: true, Sample: 50}} {
		result, err := f.replay(current(), o)
		if err != nil || result.Report.Different != 0 || result.Report.Rows == 0 || o.Sample > 0 && result.Report.Rows != 50 {
			t.Errorf("%+v: %+v, %v", o, result.Report, err)
		}
	}
	const id = "0198c7a2-0000-7000-8000-000000000007"
	for _, change := range []string{
		"UPDATE orderview_g1.orderview_orders SET reason = 'sabotage' WHERE id = '" + id + "'",
		"DELETE FROM orderview_g1.orderview_orders WHERE id = '0198c7a2-0000-7000-8000-000000000008'",
	} {
		if _, err := f.pool.Exec(t.Context(), change); err != nil {
			t.Fatal(err)
		}
	}
	_, err := f.replay(current(), replay.Options{VerifyOnly: true})
	var drift *replay.DriftError
	if !errors.As(err, &drift) || drift.Report.Different != 2 || len(drift.Report.Sample) != 2 {
		t.Fatalf("got %v", err)
	}
	d := drift.Report.Sample[0]
	if d.Key != id || len(d.Columns) != 1 || d.Columns[0] != "reason" || string(d.Live["reason"]) != `"sabotage"` || string(d.Fresh["reason"]) == `"sabotage"` {
		t.Errorf("difference %+v", d)
	}
	var schemas int
	err = f.pool.QueryRow(t.Context(), `SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'orderview\_g%'`).Scan(&schemas)
	if err != nil || schemas != 1 {
		t.Errorf("%d schemas are left, %v", schemas, err)
	}
}

// JSON counts as what it says. It may be kept in another type than before or have been written differently, but a number with
// other digits is another one.
func TestJSONIsComparedByWhatItSays(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.shop.trade(500)
	if err := f.follow(t.Context(), current()); err != nil {
		t.Fatal(err)
	}
	drifted := func(change string) int64 {
		t.Helper()
		if _, err := f.pool.Exec(t.Context(), change); err != nil {
			t.Fatal(err)
		}
		result, err := f.replay(current(), replay.Options{VerifyOnly: true})
		var drift *replay.DriftError
		switch {
		case errors.As(err, &drift):
			return drift.Report.Different
		case err != nil:
			t.Fatal(err)
		}
		return result.Report.Different
	}
	const table = "orderview_g1.orderview_orders"
	for _, c := range []struct {
		change    string
		different int64
	}{
		{"UPDATE " + table + " SET lines = lines::jsonb::json", 0}, // with blanks, shorter names first
		{
			"ALTER TABLE " + table + " ADD parsed jsonb; UPDATE " + table + " SET parsed = lines::jsonb;" +
				"ALTER TABLE " + table + " RENAME lines TO written; ALTER TABLE " + table + " RENAME parsed TO lines", 0,
		},
		{
			"UPDATE " + table + " SET lines = jsonb_set(lines, '{0,quantity}', '2.0')" +
				" WHERE id = '0198c7a2-0000-7000-8000-000000000007'", 1,
		},
	} {
		if got := drifted(c.change); got != c.different {
			t.Errorf("%s: %d rows differ, want %d", c.change, got, c.different)
		}
	}
}

// A generation may keep a column in another type than the one before. Those who query see the types they know, there and back.
func TestSwapKeepsTheTypesOfQueries(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.shop.trade(500)
	if err := f.follow(t.Context(), current()); err != nil {
		t.Fatal(err)
	}
	var columns string
	err := f.pool.QueryRow(t.Context(), `
		SELECT string_agg(CASE attname WHEN 'lines' THEN 'to_jsonb(lines) AS lines' ELSE quote_ident(attname) END, ', ' ORDER BY attnum)
		FROM pg_attribute WHERE attrelid = 'orderview_g1.orderview_orders'::regclass AND attnum > 0`).Scan(&columns)
	if err == nil { // as the view of a table that has jsonb
		_, err = f.pool.Exec(t.Context(), "DROP VIEW orderview_orders; CREATE VIEW orderview_orders AS SELECT "+columns+" FROM orderview_g1.orderview_orders")
	}
	if err != nil {
		t.Fatal(err)
	}
	before := f.live()
	check := func(number int) {
		t.Helper()
		var kind string
		if err := f.pool.QueryRow(t.Context(), "SELECT DISTINCT pg_typeof(lines)::text FROM orderview_orders").Scan(&kind); err != nil || kind != "jsonb" {
			t.Errorf("lines are %s, %v", kind, err)
		}
		if f.number() != number || !reflect.DeepEqual(f.live(), before) {
			t.Errorf("generation %d is live, want %d with the same rows", f.number(), number)
		}
	}
	if _, err := f.replay(current(), replay.Options{}); err != nil {
		t.Fatal(err)
	}
	check(2)
	r, err := replay.New(f.config(current()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	check(1)
}

func TestUntilIsAViewOfThePast(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.shop.trade(2000)
	if err := f.follow(t.Context(), current()); err != nil {
		t.Fatal(err)
	}
	until := eventstore.Position(777)
	result, err := f.replay(current(), replay.Options{Until: &until})
	if err != nil || result.Swapped || f.number() != 1 {
		t.Fatalf("result %+v, %v", result, err)
	}
	want, err := projectiontest.Fold(orderview.Model, f.shop.events[:until])
	if err != nil {
		t.Fatal(err)
	}
	got, err := orderview.Model.In(result.Generation.Schema()).Load(t.Context(), f.pool, slices.Collect(maps.Keys(want)))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("rows are not those at %d, %v", until, err)
	}
}

func TestUnknownEventStopsWithItsPosition(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.shop.trade(2000)
	if err := f.follow(t.Context(), current()); err != nil {
		t.Fatal(err)
	}
	before := f.live()
	f.shop.events[1499].Type = "OrderTeleported"
	_, err := f.replay(current(), replay.Options{})
	var failed *projections.EventError
	if !errors.As(err, &failed) || failed.Position != 1500 {
		t.Errorf("got %v, want to stop at 1500", err)
	}
	if f.number() != 1 || !reflect.DeepEqual(f.live(), before) {
		t.Error("live has changed")
	}
}

func TestOneReplayAtATime(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.shop.trade(2000)
	if err := f.follow(t.Context(), current()); err != nil {
		t.Fatal(err)
	}
	c := f.config(current())
	c.Holder = "first"
	second := make(chan error, 1)
	var once sync.Once
	c.Progress = func(replay.Progress) {
		once.Do(func() {
			_, err := f.replay(current(), replay.Options{})
			second <- err
		})
	}
	r, err := replay.New(c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Run(t.Context(), replay.Options{}); err != nil {
		t.Fatal(err)
	}
	var held *replay.HeldError
	if err := <-second; !errors.As(err, &held) || held.Holder != "first" {
		t.Errorf("got %v, want to hear who replays", err)
	}
	if _, err := f.replay(current(), replay.Options{}); err != nil { // the lease was given back
		t.Error(err)
	}
}
