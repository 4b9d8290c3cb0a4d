package app

import (
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ordo-platform/ordo/aggregates/stock"
	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/command"
)

func react(t *testing.T, pool *pgxpool.Pool, handler reactorHandler, order int) {
	t.Helper()
	err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
		return handler.Handle(t.Context(), tx, []eventstore.Recorded{orderFor(t, "HOT", order)})
	})
	if err != nil {
		t.Fatal(err)
	}
}

func awaitSnapshot(t *testing.T, pool *pgxpool.Pool, version eventstore.Version) {
	t.Helper()
	for storedSnapshot(t, pool) != version {
		select {
		case <-t.Context().Done():
			t.Fatal("no snapshot was stored")
		case <-time.After(time.Millisecond):
		}
	}
}

func loadHot(t *testing.T, handler reactorHandler) command.Outcome[stock.State] {
	t.Helper()
	out, err := command.Load(t.Context(), handler.store, stock.Decider, eventstore.StreamID(stock.Stream("HOT")))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Whatever becomes of snapshots, the state is the one that the events lead to.
func TestSnapshotsChangeNothingButSpeed(t *testing.T) {
	t.Parallel()
	const history = 500
	pool, handler := hotSKU(t, history)
	exec := func(sql string) {
		t.Helper()
		if _, err := pool.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	keepSnapshots(t, handler)
	react(t, pool, handler, 1)
	awaitSnapshot(t, pool, history+1) // of what was read, not of what was decided
	exec(`CREATE TABLE good AS SELECT * FROM snapshots`)
	want := loadHot(t, handler)
	if want.State.Reserved != history+1 || want.Version != history+2 {
		t.Fatalf("%+v, want one piece reserved for each order", want)
	}

	wrong := `state = '{"sku":"HOT","on_hand":1000,"reserved":1,"receipts":[]}'`
	exec(`UPDATE snapshots SET ` + wrong)
	if got := loadHot(t, handler); got.State.OnHand != 1000 || got.State.Reserved != 2 || got.Version != want.Version || got.Position != want.Position {
		t.Errorf("%+v, want what the snapshot says and the event after it", got)
	}
	for name, change := range map[string]string{
		"as taken":                 `UPDATE snapshots SET taken_at = now()`,
		"deleted":                  `DELETE FROM snapshots`,
		"damaged":                  `UPDATE snapshots SET state = '["oops"]'`,
		"of another state version": `UPDATE snapshots SET state_version = state_version + 1, ` + wrong,
		"of another history":       `UPDATE snapshots SET event_id = gen_random_uuid(), ` + wrong,
		"of events to come":        `UPDATE snapshots SET version = version + 1000, ` + wrong,
	} {
		exec(`DELETE FROM snapshots`)
		exec(`INSERT INTO snapshots SELECT * FROM good`)
		exec(change)
		if got := loadHot(t, handler); fmt.Sprint(got.State.OnHand, got.State.Reserved, got.Version, got.Position) !=
			fmt.Sprint(want.State.OnHand, want.State.Reserved, want.Version, want.Position) {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
		if events, err := stock.Decider.Decide(loadHot(t, handler).State, stock.Receive{SKU: "HOT", Quantity: stock.MaxReceived, Reference: "first", At: time.Now()}); err != nil || len(events) > 0 {
			t.Errorf("%s: the first delivery is forgotten: %v, %v", name, events, err)
		}
	}
}

// A snapshot that cannot be stored holds nobody up.
func TestNobodyWaitsForSnapshots(t *testing.T) {
	t.Parallel()
	pool, handler := hotSKU(t, 500)
	keepSnapshots(t, handler)
	blocker, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := blocker.Exec(t.Context(), `LOCK TABLE snapshots IN EXCLUSIVE MODE`); err != nil {
		t.Fatal(err)
	}
	for order := range 210 {
		react(t, pool, handler, order+1)
	}
	if v := storedSnapshot(t, pool); v != 0 {
		t.Errorf("a snapshot at %d was stored", v)
	}
	if err := blocker.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	awaitSnapshot(t, pool, 701)
	if out := loadHot(t, handler); out.State.Reserved != 710 {
		t.Errorf("%+v, want 710 reserved", out)
	}
}
