package fulfilment_test

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/aggregates/payment"
	"github.com/ordo-platform/ordo/aggregates/reservation"
	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/sagas"
	"github.com/ordo-platform/ordo/sagas/fulfilment"
)

// situation is a step that finds its aggregate in a state.
type situation struct{ step, state string }

// explored is what came up in all ways an order can go.
type explored struct {
	met     map[situation]bool
	causes  map[string]sagas.Caused      // a reaction for each step that reacted
	leads   map[string][]string          // event types by the step that led to them
	states  map[string]map[string]*world // a world for each state of each category of streams
	changes map[change]bool
	moments int
}

// change is how the state of an order changed.
type change struct{ from, event, to string }

// explore goes every way one order can go, with every answer of the provider, and with being cancelled, being shipped, its
// deadlines and a retry at every moment. At every moment it delivers again all that was delivered before; a repeat that
// is answered with anything new fails the test, as does an end that breaks the promises.
func explore(t fataler) explored {
	found := explored{
		met: map[situation]bool{}, causes: map[string]sagas.Caused{}, leads: map[string][]string{},
		states:  map[string]map[string]*world{"order": {}, "reservation": {}, "payment": {}},
		changes: map[change]bool{},
	}
	found.saw(tombstone(t))
	for _, pieces := range []int64{10, 1} { // of the two that are ordered
		w := newWorld(t)
		w.trace = nil
		w.receive("MUG", pieces)
		w.watch(&found)
		w.place("1", line("MUG", 2))
		w.reacting, w.reacted = nil, nil
		seen, tried := map[string]bool{}, map[string]bool{}
		for open := []branch{{world: w}}; len(open) > 0; {
			b := open[len(open)-1]
			open = open[:len(open)-1]
			key := b.moment()
			if seen[key] {
				continue
			}
			seen[key] = true
			found.moments++
			found.saw(b.world)
			moves := b.moves()
			if len(moves) == 0 || !slices.ContainsFunc(moves, func(m move) bool { return m.byItself }) {
				b.checkRest(pieces)
			}
			for _, m := range moves {
				next := branch{b.clone(), b.requests}
				next.watch(&found)
				m.make(&next)
				next.passOver()
				open = append(open, next)
			}
			b.repeat(&found, tried)
		}
	}
	return found
}

// tombstone returns a world in which a release came before its reserve, which no partition delivers.
func tombstone(t fataler) *world {
	w := newWorld(t)
	w.trace = nil
	w.receive("MUG", 10)
	w.place("1", line("MUG", 2))
	w.cancel("1")
	w.deliver(link{fulfilment.Orders, fulfilment.Inventory}, "1", 1)
	return w
}

// saw keeps a world as a sample of the states its aggregates are in.
func (e *explored) saw(w *world) {
	for category, stream := range map[string]string{"order": order.Stream("1"), "reservation": reservation.Stream("1"), "payment": payment.Stream("1")} {
		state := w.stateOf(eventstore.StreamID(stream))
		if e.states[category][state] == nil {
			e.states[category][state] = w.clone()
		}
	}
}

// branch is a world with how often clients have asked for something in it.
type branch struct {
	*world
	requests requests
}

type requests struct{ cancelled, shipped bool }

// move is something that can happen next: by itself, or because somebody wants it.
type move struct {
	byItself bool
	make     func(*branch)
}

func (b *branch) moves() []move {
	var moves []move
	for _, l := range links {
		if b.due(l, "1") > 0 {
			moves = append(moves, move{true, func(b *branch) { b.next(l, "1") }})
		}
	}
	for i, c := range b.calls {
		moves = append(moves, move{true, func(b *branch) { b.answer(i, true) }})
		if !strings.HasSuffix(c.intent.Key, "-2") { // a second attempt succeeds
			moves = append(moves, move{true, func(b *branch) { b.answer(i, false) }})
		}
	}
	for i, d := range b.deadlines {
		if b.waitsFor(d) { // others are passed by repeatAll
			moves = append(moves, move{false, func(b *branch) { b.pass(i) }})
		}
	}
	if !b.requests.cancelled {
		moves = append(moves, move{false, func(b *branch) { b.cancel("1"); b.requests.cancelled = true }})
	}
	s := b.order("1")
	if !b.requests.shipped && s.Status == order.StatusConfirmed {
		moves = append(moves, move{false, func(b *branch) { b.ship("1"); b.requests.shipped = true }})
	}
	if s.Status == order.StatusNeedsAttention && s.Wait.Attempt == 1 {
		moves = append(moves, move{false, func(b *branch) { b.retry("1") }})
	}
	return moves
}

// moment names all that decides what can happen next.
func (b *branch) moment() string {
	var name strings.Builder
	for _, l := range links {
		fmt.Fprint(&name, b.read[cursor{l, "1"}], " ")
	}
	for _, service := range services {
		name.WriteString(b.past(service))
	}
	return name.String() + fmt.Sprint(b.calls, b.requests)
}

// passOver reads what the readers have no step for, which would only multiply the moments.
func (b *branch) passOver() {
	for _, l := range links {
		c := cursor{l, "1"}
		for events := b.logs[l.topic].partitions["1"]; b.read[c] < len(events) && !concerns(l.reader, events[b.read[c]].Type); {
			b.read[c]++
		}
	}
}

func concerns(reader, eventType string) bool {
	return slices.ContainsFunc(fulfilment.Steps, func(s sagas.Step) bool { return s.Owner == reader && s.Do.EventType == eventType })
}

// repeat delivers everything again that was delivered before, and lets deadlines pass that are not waited for any more. It
// leaves out what was tried before on an aggregate with the same past.
func (b *branch) repeat(found *explored, tried map[string]bool) {
	w := b.clone()
	w.watch(found)
	before := w.positions()
	for _, l := range links {
		for n := range w.read[cursor{l, "1"}] {
			e := w.logs[l.topic].partitions["1"][n]
			if key := fmt.Sprint(e.Type, string(e.Data), w.past(l.reader)); !tried[key] {
				tried[key] = true
				w.deliver(l, "1", n)
			}
		}
	}
	for _, d := range w.deadlines {
		if key := fmt.Sprint(d.key, w.past(fulfilment.Orders)); !tried[key] && !w.waitsFor(d) {
			tried[key] = true
			w.passed(d)
		}
	}
	if !slices.Equal(w.positions(), before) {
		w.t.Fatalf("something happened that had happened before: %s", b.moment())
	}
}

// past names what has happened in a service.
func (w *world) past(service string) string {
	var name strings.Builder
	name.WriteString(service)
	for _, e := range w.logs[service].partitions["1"] {
		name.WriteString(" " + e.Type)
	}
	return name.String()
}

// checkRest looks at a world in which nothing moves by itself: the order has ended, or it waits for people.
func (b *branch) checkRest(pieces int64) {
	if b.order("1").Status != order.StatusNeedsAttention {
		checkPromises(b.t, b.world, map[string]int64{"MUG": pieces})
	}
}

// watch writes down in which state steps find their aggregates, and what they lead to.
func (w *world) watch(found *explored) {
	var before string
	w.reacting = func(r sagas.Caused) {
		before = w.stateOf(eventstore.StreamID(r.Try[0].Stream()))
		found.met[situation{nameOf(r), before}] = true
		if _, known := found.causes[nameOf(r)]; !known {
			found.causes[nameOf(r)] = r
		}
	}
	w.reacted = func(r sagas.Caused, added []eventstore.Recorded) {
		for _, e := range added {
			if !slices.Contains(found.leads[r.Step], e.Type) {
				found.leads[r.Step] = append(found.leads[r.Step], e.Type)
			}
			if e.Stream.Category() == "order" {
				found.changes[change{before, e.Type, w.stateOf(e.Stream)}] = true
			}
		}
	}
}

// nameOf names a step, and what it does where that depends on the event.
func nameOf(r sagas.Caused) string {
	if strings.HasPrefix(r.Step, "retry_") {
		return fmt.Sprintf("%s: %T", r.Step, r.Try[0])
	}
	return r.Step
}

// stateOf names the state that an aggregate is in, as far as it matters for what comes next.
func (w *world) stateOf(stream eventstore.StreamID) string {
	id := stream.Key()
	switch stream.Category() {
	case "order":
		return orderState(w.order(id))
	case "payment":
		return paymentState(w.payment(id))
	case "reservation":
		return orNone(string(w.reservation(id).Status))
	}
	w.t.Fatalf("a step begins with a command for %s", stream)
	return ""
}

func orderState(s order.State) string {
	state := orNone(string(s.Status))
	if slices.Contains([]order.Status{order.StatusConfirmed, order.StatusCancelling, order.StatusNeedsAttention}, s.Status) {
		if s.Wait.Step != "" {
			state += ": " + string(s.Wait.Step)
		}
		if s.Reason == order.ReasonPaymentDeclined {
			state += ", declined"
		}
	}
	return state
}

func paymentState(s payment.State) string {
	state := orNone(string(s.Status))
	switch {
	case s.Status == payment.StatusVoiding, s.Status == payment.StatusRefunding:
		state += ": " + orNone(string(s.Open.Call))
	case s.Status == payment.StatusAuthorized && s.Attempt > 0:
		state += ", not captured"
	}
	return state
}
