package reservation_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/aggregatetest"
	"github.com/ordo-platform/ordo/aggregates/reservation"
)

const orderID = "0198c7a2-0000-7000-8000-000000000001"

var (
	at    = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	lines = []reservation.Line{{SKU: "MUG-1", Quantity: 2}, {SKU: "TEA", Quantity: 3}}
	short = []reservation.Shortage{{SKU: "TEA", Requested: 3, Available: 1}}

	reserved = reservation.Reserved{OrderID: orderID, Lines: lines, At: at}
	refused  = reservation.Refused{OrderID: orderID, Shortages: short, At: at}
	released = reservation.Released{OrderID: orderID, Lines: lines, At: at}

	committed = reservation.Committed{OrderID: orderID, Lines: lines, At: at}
	cancelled = reservation.Cancelled{OrderID: orderID, At: at}

	reserve = reservation.Reserve{OrderID: orderID, Lines: lines, At: at}
	refuse  = reservation.Refuse{OrderID: orderID, Shortages: short, At: at}
	release = reservation.Release{OrderID: orderID, At: at}
	cancel  = reservation.Cancel{OrderID: orderID, At: at}
	commit  = reservation.Commit{OrderID: orderID, At: at}
)

// TestEveryCommandInEveryState: the event each command leads to, nil for nothing new, or the code of its refusal.
func TestEveryCommandInEveryState(t *testing.T) {
	t.Parallel()
	const invalid = aggregates.CodeInvalidState
	for _, row := range []struct {
		name                                     string
		given                                    []reservation.Event
		reserve, refuse, release, cancel, commit any
	}{
		{"none", nil, reserved, refused, invalid, cancelled, invalid},
		{"reserved", []reservation.Event{reserved}, nil, nil, released, invalid, committed},
		{"refused", []reservation.Event{refused}, nil, nil, nil, invalid, invalid},
		{"released", []reservation.Event{reserved, released}, nil, nil, nil, invalid, invalid},
		{"committed", []reservation.Event{reserved, committed}, nil, nil, invalid, invalid, nil},
		{"cancelled", []reservation.Event{cancelled}, nil, nil, nil, nil, invalid},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			s := aggregatetest.For(t, reservation.Decider).Given(row.given...)
			for c, want := range map[reservation.Command]any{
				&reserve: row.reserve, &refuse: row.refuse, release: row.release, cancel: row.cancel, commit: row.commit,
			} {
				outcome := s.When(plain(c))
				switch want := want.(type) {
				case string:
					_ = outcome.ThenRefused(want, "")
				case reservation.Event:
					outcome.Then(want)
				case nil:
					outcome.ThenNothing()
				}
			}
		})
	}
}

// plain returns a command as it is sent: those with slices are no map keys.
func plain(c reservation.Command) reservation.Command {
	switch c := c.(type) {
	case *reservation.Reserve:
		return *c
	case *reservation.Refuse:
		return *c
	}
	return c
}

// TestAnyCommands: one answer, and one end of what was reserved, in any order of commands.
func TestAnyCommands(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		state := reservation.Decider.Initial()
		var history []string
		commands := rapid.SampledFrom([]reservation.Command{reserve, refuse, release, cancel, commit})
		for _, c := range rapid.SliceOfN(commands, 1, 20).Draw(t, "commands") {
			events, _ := reservation.Decider.Decide(state, c)
			for _, e := range events {
				history = append(history, e.EventType())
			}
			state = reservation.Decider.Fold(state, events...)
		}
		switch got := fmt.Sprint(history); got {
		case "[]", "[StockReserved]", "[StockRefused]", "[StockReservationCancelled]", "[StockReserved StockReleased]", "[StockReserved StockCommitted]":
		default:
			t.Fatalf("history %s", got)
		}
	})
}

func TestEvolvePanicsOnForeignEvents(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("an event that is not of a reservation was folded into one")
		}
	}()
	reservation.Decider.Fold(reservation.State{}, &reserved)
}
