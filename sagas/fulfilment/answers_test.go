package fulfilment_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/aggregates/payment"
	"github.com/ordo-platform/ordo/aggregates/reservation"
	"github.com/ordo-platform/ordo/aggregates/stock"
	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/command"
	"github.com/ordo-platform/ordo/sagas"
	"github.com/ordo-platform/ordo/sagas/fulfilment"
	"github.com/ordo-platform/ordo/schemas"
)

// TestAnswers holds the process to "every event has an answer in every state". It asks each step in every state that its
// aggregate can be in; testdata/answers.txt has what it says. A refusal stops the partition it comes up in, with all
// orders behind it, so it is only allowed where no delivery, however late or often repeated, can lead.
func TestAnswers(t *testing.T) {
	t.Parallel()
	reached := reachable(t)
	var table strings.Builder
	for _, s := range fulfilment.Steps {
		fmt.Fprintf(&table, "%s: %s after %s\n", s.Owner, s.Name, s.Do.EventType)
		cause := sample(t, s)
		category := eventstore.StreamID(reactionOf(t, s, cause).Try[0].Stream()).Category()
		for _, state := range histories[category] {
			answer, refused := ask(t, s, cause, state)
			met := reached[situation{s.Name, state.name}]
			if refused && met {
				t.Errorf("%s can find its %s %s, and is refused: %s", s.Name, category, state.name, answer)
			}
			if !met {
				answer += " (cannot happen)"
			}
			fmt.Fprintf(&table, "    %-11s %-16s  %s\n", category, state.name, answer)
		}
	}
	for s := range reached {
		if !slices.ContainsFunc(fulfilment.Steps, func(step sagas.Step) bool { return step.Name == s.step }) {
			t.Errorf("unknown step %s", s.step)
		}
	}
	golden(t, "answers.txt", table.String())
}

// situation is a step that finds its aggregate in a state.
type situation struct{ step, state string }

// reachable goes every way an order can go and delivers, at every moment, every event there has been to all who listen:
// those that are due and those that were delivered before. It returns the situations this led to. A repeat that is
// answered with anything new fails the test.
func reachable(t *testing.T) map[situation]bool {
	t.Helper()
	found := map[situation]bool{}
	for _, pieces := range []int64{10, 1} { // of the two that are ordered
		for _, declined := range []bool{false, true} {
			begin := func() *world {
				w := newWorld(t)
				w.receive("MUG", pieces)
				w.declines["1"] = declined
				w.place("1", line("MUG", 2))
				return w
			}
			seen := map[string]bool{}
			for open := [][]int{nil}; len(open) > 0; open = open[1:] {
				w := begin()
				for _, move := range open[0] {
					w.move(move, found)
				}
				key := w.moment()
				if seen[key] {
					continue
				}
				seen[key] = true
				for _, move := range w.moves() {
					open = append(open, append(slices.Clip(open[0]), move))
				}
				w.repeatAll(found)
			}
		}
	}
	return found
}

// moves are what can happen next: an event is delivered on a link, or the provider answers.
func (w *world) moves() []int {
	var moves []int
	for i, l := range links {
		if w.read[l] < len(w.logs[l.topic].events) {
			moves = append(moves, i)
		}
	}
	if len(w.calls) > 0 {
		moves = append(moves, len(links))
	}
	return moves
}

func (w *world) move(i int, found map[situation]bool) {
	if i == len(links) {
		w.call(0)
		return
	}
	l := links[i]
	w.note(l, w.read[l], found)
	w.deliver(l, w.read[l])
	w.read[l]++
}

// moment names all that decides what can happen next.
func (w *world) moment() string {
	var b strings.Builder
	for _, l := range links {
		fmt.Fprint(&b, w.read[l], " ")
	}
	for _, service := range []string{fulfilment.Orders, fulfilment.Inventory, fulfilment.Payments} {
		for _, e := range w.logs[service].events {
			fmt.Fprint(&b, e.Stream, e.Type, " ")
		}
	}
	return b.String() + fmt.Sprint(w.calls)
}

// repeatAll delivers everything again that was delivered before.
func (w *world) repeatAll(found map[situation]bool) {
	before := w.moment()
	for _, l := range links {
		for n := range w.read[l] {
			w.note(l, n, found)
			w.deliver(l, n)
			if after := w.moment(); after != before {
				w.t.Fatalf("%s got %s again, and something happened\nbefore: %s\n after: %s", l.reader, w.logs[l.topic].events[n].Type, before, after)
			}
		}
	}
}

// note writes down in which state the steps find their aggregates when an event is delivered.
func (w *world) note(l link, n int, found map[situation]bool) {
	reactions, err := w.reactors[l.reader].React(w.logs[l.topic].events[n:n+1], start)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, r := range reactions {
		stream := eventstore.StreamID(r.Try[0].Stream())
		var state string
		switch stream.Category() {
		case "order":
			state = string(w.order("1").Status)
		case "payment":
			state = string(w.payment("1").Status)
		case "reservation":
			out, err := command.Load(context.Background(), w.logs[l.reader], reservation.Decider, stream)
			if err != nil {
				w.t.Fatal(err)
			}
			state = string(out.State.Status)
		default:
			w.t.Fatalf("%s begins with a command for %s", r.Step, stream)
		}
		if state == "" {
			state = "none"
		}
		found[situation{r.Step, state}] = true
	}
}

// history is how an aggregate comes into a state.
type history struct {
	name   string
	events []aggregates.Event
}

var (
	eur2  = aggregates.Money{Amount: 200, Currency: "EUR"}
	items = []order.Item{{SKU: "MUG", Quantity: 2}}
	kept  = []reservation.Line{{SKU: "MUG", Quantity: 2}}

	orderPlaced      = order.Placed{OrderID: "1", CustomerID: "customer", Lines: []order.Line{line("MUG", 2)}, Total: eur2, PaymentMethod: "pm_ok", At: start}
	paymentRequested = order.PaymentRequested{OrderID: "1", Amount: eur2, PaymentMethod: "pm_ok", At: start}
	orderConfirmed   = order.Confirmed{OrderID: "1", At: start}
	orderUndone      = order.CompensationStarted{
		OrderID: "1", Reason: order.ReasonPaymentDeclined, Undo: []order.Step{order.StepReserveStock}, Lines: items, At: start,
	}
	orderNext     = order.CompensationAdvanced{OrderID: "1", Undone: order.StepAuthorizePayment, Next: order.StepReserveStock, Lines: items, At: start}
	orderRejected = order.Rejected{OrderID: "1", Reason: order.ReasonPaymentDeclined, At: start}

	stockReserved = reservation.Reserved{OrderID: "1", Lines: kept, At: start}
	stockRefused  = reservation.Refused{OrderID: "1", At: start}
	stockReleased = reservation.Released{OrderID: "1", Lines: kept, At: start}

	payRequested  = payment.AuthorizationRequested{OrderID: "1", Amount: eur2, Method: "pm_ok", Key: "authorize-1", At: start}
	payAuthorized = payment.Authorized{OrderID: "1", Amount: eur2, AuthorizationID: "auth-1", At: start}
	payDeclined   = payment.Declined{OrderID: "1", Reason: "insufficient_funds", At: start}
)

// histories are all states of the aggregates that reactions begin with, by category.
var histories = map[string][]history{
	"order": {
		{"none", nil},
		{"placed", []aggregates.Event{orderPlaced}},
		{"awaiting_payment", []aggregates.Event{orderPlaced, paymentRequested}},
		{"confirmed", []aggregates.Event{orderPlaced, paymentRequested, orderConfirmed}},
		{"cancelling", []aggregates.Event{orderPlaced, paymentRequested, orderUndone}},
		{"rejected", []aggregates.Event{orderPlaced, paymentRequested, orderUndone, orderRejected}},
	},
	"reservation": {
		{"none", nil},
		{"reserved", []aggregates.Event{stockReserved}},
		{"refused", []aggregates.Event{stockRefused}},
		{"released", []aggregates.Event{stockReserved, stockReleased}},
	},
	"payment": {
		{"none", nil},
		{"requested", []aggregates.Event{payRequested}},
		{"authorized", []aggregates.Event{payRequested, payAuthorized}},
		{"declined", []aggregates.Event{payRequested, payDeclined}},
	},
}

// samples has an event for each step to react to.
var samples = []aggregates.Event{
	orderPlaced, paymentRequested, orderConfirmed, orderUndone, orderNext, orderRejected, stockReserved, stockRefused, stockReleased,
	payRequested, payAuthorized, payDeclined,
}

func sample(t *testing.T, s sagas.Step) eventstore.Recorded {
	t.Helper()
	for _, e := range samples {
		if e.EventType() == s.Do.EventType {
			return eventstore.Recorded{Event: encoded(t, e), Stream: "sample-1", Version: 1, Position: 1}
		}
	}
	t.Fatalf("%s reacts to %s: there is no sample of it", s.Name, s.Do.EventType)
	return eventstore.Recorded{}
}

func encoded(t *testing.T, e aggregates.Event) eventstore.Event {
	t.Helper()
	eventType, version, data, err := schemas.Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	return eventstore.Event{ID: eventstore.NewID(), Type: eventType, SchemaVersion: version, Data: data}
}

func reactionOf(t *testing.T, s sagas.Step, cause eventstore.Recorded) sagas.Caused {
	t.Helper()
	reactions, err := sagas.Table{s}.For(s.Owner).React([]eventstore.Recorded{cause}, start)
	if err != nil || len(reactions) != 1 {
		t.Fatalf("%s: %d reactions to its sample, %v", s.Name, len(reactions), err)
	}
	return reactions[0]
}

// ask returns what a step answers when it finds its aggregate with a history: the events, nothing, or why it is refused.
func ask(t *testing.T, s sagas.Step, cause eventstore.Recorded, h history) (answer string, refused bool) {
	t.Helper()
	w := newWorld(t)
	r := reactionOf(t, s, cause)
	log := w.logs[s.Owner]
	if s.Owner == fulfilment.Inventory {
		w.receive("MUG", 10)
		if h.name == "reserved" {
			log.add(t, eventstore.StreamID(stock.Stream("MUG")), stock.Allocated{SKU: "MUG", OrderID: "1", Quantity: 2, At: start})
		}
	}
	log.add(t, eventstore.StreamID(r.Try[0].Stream()), h.events...)
	appends, err := w.handlers[s.Owner].React(context.Background(), log, []sagas.Caused{r})
	if no, ok := errors.AsType[*aggregates.RefusedError](err); ok {
		return "refused: " + no.Reason, true
	}
	if err != nil {
		t.Fatalf("%s in state %s: %v", s.Name, h.name, err)
	}
	var types []string
	for _, a := range appends {
		for _, stream := range a.Streams {
			for _, e := range stream.Events {
				types = append(types, e.Type)
			}
		}
	}
	if len(types) == 0 {
		return "nothing new", false
	}
	return strings.Join(types, ", "), false
}

// add appends events as they are.
func (l *memLog) add(t *testing.T, stream eventstore.StreamID, events ...aggregates.Event) {
	t.Helper()
	for _, e := range events {
		_, err := l.Append(t.Context(), eventstore.Append{
			Streams: []eventstore.StreamAppend{{Stream: stream, Expected: eventstore.AnyVersion, Events: []eventstore.Event{encoded(t, e)}}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
