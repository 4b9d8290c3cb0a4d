package reservation_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

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

	reserve = reservation.Reserve{OrderID: orderID, Lines: lines, At: at}
	refuse  = reservation.Refuse{OrderID: orderID, Shortages: short, At: at}
	release = reservation.Release{OrderID: orderID, At: at}
)

func TestEveryCommandInEveryState(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		given   []reservation.Event
		command reservation.Command
		then    []reservation.Event
	}{
		{nil, reserve, []reservation.Event{reserved}},
		{nil, refuse, []reservation.Event{refused}},
		{nil, release, nil},
		{[]reservation.Event{reserved}, reserve, nil},
		{[]reservation.Event{reserved}, refuse, nil},
		{[]reservation.Event{reserved}, release, []reservation.Event{released}},
		{[]reservation.Event{refused}, reserve, nil},
		{[]reservation.Event{refused}, refuse, nil},
		{[]reservation.Event{refused}, release, nil},
		{[]reservation.Event{reserved, released}, reserve, nil},
		{[]reservation.Event{reserved, released}, refuse, nil},
		{[]reservation.Event{reserved, released}, release, nil},
	} {
		t.Run(fmt.Sprintf("%T after %d %T", tc.command, len(tc.given), tc.given), func(t *testing.T) {
			t.Parallel()
			aggregatetest.For(t, reservation.Decider).Given(tc.given...).When(tc.command).Then(tc.then...)
		})
	}
}

// TestAnyCommands: one answer, and as many releases as the answer allows, in any order of commands.
func TestAnyCommands(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		state := reservation.Decider.Initial()
		var history []string
		commands := rapid.SampledFrom([]reservation.Command{reserve, refuse, release})
		for _, c := range rapid.SliceOfN(commands, 1, 20).Draw(t, "commands") {
			events, err := reservation.Decider.Decide(state, c)
			if err != nil {
				t.Fatalf("%T refused: %v", c, err)
			}
			for _, e := range events {
				history = append(history, e.EventType())
			}
			state = reservation.Decider.Fold(state, events...)
		}
		switch got := fmt.Sprint(history); got {
		case "[]", "[StockReserved]", "[StockRefused]", "[StockReserved StockReleased]":
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
