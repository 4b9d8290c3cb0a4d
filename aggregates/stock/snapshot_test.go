package stock_test

import (
	"encoding/json"
	"os"
	"testing"

	"pgregory.net/rapid"

	"github.com/ordo-platform/ordo/aggregates/stock"
)

// asSaved is a state written and read back.
func asSaved(t rapid.TB, s stock.State) stock.State {
	t.Helper()
	saved, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var read stock.State
	if err := json.Unmarshal(saved, &read); err != nil {
		t.Fatal(err)
	}
	return read
}

// TestStateSurvivesSaving: a history folded from a saved state, saved after any of its events, is the same as folded from its
// start, and so is every decision on it.
func TestStateSurvivesSaving(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := stock.Decider
		var history []stock.Event
		whole := d.Initial()
		for _, c := range rapid.SliceOfN(command(), 1, 50).Draw(t, "commands") {
			if events, err := d.Decide(whole, c); err == nil {
				history = append(history, events...)
				whole = d.Fold(whole, events...)
			}
		}
		k := rapid.IntRange(0, len(history)).Draw(t, "saved after")
		head := d.Fold(d.Initial(), history[:k]...)
		saved := asSaved(t, head)
		d.Fold(head, received(1, "dropped"))  // of a decision that came to nothing
		d.Fold(saved, received(2, "dropped")) // twice
		resumed := d.Fold(saved, history[k:]...)
		if want, got := text(t, whole), text(t, resumed); got != want {
			t.Fatalf("from the state after %d of %d events: %s, want %s", k, len(history), got, want)
		}
		next := command().Draw(t, "next command")
		want, wantErr := d.Decide(whole, next)
		got, gotErr := d.Decide(resumed, next)
		if text(t, want) != text(t, got) || (wantErr == nil) != (gotErr == nil) || wantErr != nil && wantErr.Error() != gotErr.Error() {
			t.Fatalf("%+v: %v, %v; want %v, %v", next, got, gotErr, want, wantErr)
		}
	})
}

func text(t rapid.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestStateVersion: what a history leads to is on record for each version of the state. If this fails, states that are kept
// somewhere mean something else now: raise StateVersion, and record the new one in a new file.
func TestStateVersion(t *testing.T) {
	t.Parallel()
	state := stock.Decider.Fold(stock.Decider.Initial(),
		received(20, "r1"), stock.Adjusted{SKU: mug, Delta: -2, At: at}, stock.Allocated{SKU: mug, OrderID: "o-1", Quantity: 7, At: at},
		received(5, "r2"), stock.Deallocated{SKU: mug, OrderID: "o-1", Quantity: 1, At: at},
		stock.Dispatched{SKU: mug, OrderID: "o-1", Quantity: 4, At: at})
	if stock.Decider.StateVersion != 1 {
		t.Fatal("no state of this version is on record")
	}
	want, err := os.ReadFile("testdata/state_v1.json")
	if err != nil {
		t.Fatal(err)
	}
	if got := text(t, state) + "\n"; got != string(want) {
		t.Errorf("got  %swant %s", got, want)
	}
	if got := text(t, asSaved(t, state)) + "\n"; got != string(want) {
		t.Errorf("read back it is %s", got)
	}
}
