package fulfilment_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/aggregates/payment"
	"github.com/ordo-platform/ordo/aggregates/stock"
	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/command"
	"github.com/ordo-platform/ordo/sagas"
	"github.com/ordo-platform/ordo/sagas/fulfilment"
)

// start is when every world begins; its clock never moves, so that traces are the same each time.
var start = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// link is a topic as one service reads it.
type link struct{ topic, reader string }

// links are all the ways events travel in the process.
var links = []link{
	{fulfilment.Orders, fulfilment.Inventory},
	{fulfilment.Orders, fulfilment.Payments},
	{fulfilment.Inventory, fulfilment.Orders},
	{fulfilment.Payments, fulfilment.Orders},
}

// world runs the process in memory: the real reactors, command handlers and aggregates, on logs that are slices. The test
// decides which event is delivered when, and how often.
type world struct {
	t        fataler
	logs     map[string]*memLog
	handlers map[string]*command.Handler
	reactors map[string]*sagas.Reactor
	read     map[link]int // how many events of the topic the reader has seen
	calls    []string     // orders whose payment provider has to be called
	declines map[string]bool
	trace    strings.Builder
}

// fataler is a test, or one run of a property.
type fataler interface {
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

func newWorld(t fataler) *world {
	w := &world{
		t:        t,
		logs:     map[string]*memLog{},
		handlers: map[string]*command.Handler{},
		reactors: map[string]*sagas.Reactor{},
		read:     map[link]int{},
		declines: map[string]bool{},
	}
	for _, service := range []string{fulfilment.Orders, fulfilment.Inventory, fulfilment.Payments} {
		w.logs[service] = &memLog{ids: map[uuid.UUID]bool{}}
		w.handlers[service] = command.New(w.logs[service], nil)
		w.reactors[service] = fulfilment.Steps.For(service)
	}
	return w
}

// receive puts pieces of a SKU on the shelf.
func (w *world) receive(sku string, quantity int64) {
	_, err := command.Execute(context.Background(), w.handlers[fulfilment.Inventory], stock.Decider,
		command.Call[stock.State, stock.Command]{Command: stock.Receive{SKU: stock.SKU(sku), Quantity: quantity, Reference: "first", At: start}})
	if err != nil {
		w.t.Fatalf("receive %s: %v", sku, err)
	}
}

// place orders lines, as in place("1", line("MUG", 2)).
func (w *world) place(id string, lines ...order.Line) {
	_, err := command.Execute(context.Background(), w.handlers[fulfilment.Orders], order.Decider, command.Call[order.State, order.Command]{
		New:     true,
		Command: order.Place{OrderID: order.ID(id), CustomerID: "customer", Lines: lines, PaymentMethod: "pm_ok", At: start},
	})
	if err != nil {
		w.t.Fatalf("place %s: %v", id, err)
	}
	w.show("client: place", w.logs[fulfilment.Orders].events[len(w.logs[fulfilment.Orders].events)-1:])
}

// line is a line at one EUR apiece.
func line(sku string, quantity int64) order.Line {
	return order.Line{SKU: sku, Quantity: quantity, UnitPrice: aggregates.Money{Amount: 100, Currency: "EUR"}}
}

// deliver hands the n-th event of a link (from 0) to its reader, as Kafka does: once, again, or late.
func (w *world) deliver(l link, n int) {
	events := w.logs[l.topic].events[n : n+1]
	reactions, err := w.reactors[l.reader].React(events, start)
	if err != nil {
		w.t.Fatalf("%s reads %s: %v", l.reader, events[0].Type, err)
	}
	w.apply(l.reader, reactions)
}

func (w *world) apply(service string, reactions []sagas.Caused) {
	appends, err := w.handlers[service].React(context.Background(), w.logs[service], reactions)
	if err != nil {
		w.t.Fatalf("%s: %v", service, err)
	}
	for i, a := range appends {
		before := len(w.logs[service].events)
		if _, err := w.logs[service].Append(context.Background(), a); err != nil {
			w.t.Fatalf("%s: %v", service, err)
		}
		added := w.logs[service].events[before:]
		w.show(fmt.Sprintf("%s: %s after %s", service, reactions[i].Step, reactions[i].Cause.Type), added)
		for _, e := range added {
			if e.Type == (payment.AuthorizationRequested{}).EventType() {
				w.calls = append(w.calls, e.Stream.Key())
			}
		}
	}
}

// show adds a message and the events it led to to the trace.
func (w *world) show(what string, events []eventstore.Recorded) {
	fmt.Fprintln(&w.trace, what)
	for _, e := range events {
		fmt.Fprintf(&w.trace, "    %-29s %s@%d  %s\n", e.Type, e.Stream, e.Version, shown(e.Data))
	}
}

// call answers the i-th open call to the provider and records the outcome as the payments service does.
func (w *world) call(i int) {
	id := w.calls[i]
	w.calls = slices.Delete(w.calls, i, i+1)
	intent, err := w.logs[fulfilment.Payments].ReadStream(context.Background(), eventstore.StreamID(payment.Stream(id)), 0, 1)
	if err != nil {
		w.t.Fatal(err)
	}
	var outcome aggregates.Command = payment.RecordAuthorized{OrderID: id, AuthorizationID: "auth-" + id, At: start}
	if w.declines[id] {
		outcome = payment.RecordDeclined{OrderID: id, Reason: "insufficient_funds", At: start}
	}
	w.apply(fulfilment.Payments, []sagas.Caused{{
		Reaction: sagas.Reaction{Try: []aggregates.Command{outcome}}, Cause: intent[0], Step: "record_authorization",
	}})
}

// settle delivers everything that is under way, links in turn, until nothing moves any more.
func (w *world) settle() {
	for moved := true; moved; {
		moved = false
		for _, l := range links {
			for w.read[l] < len(w.logs[l.topic].events) {
				w.deliver(l, w.read[l])
				w.read[l]++
				moved = true
			}
		}
		for len(w.calls) > 0 {
			w.call(0)
			moved = true
		}
	}
}

func (w *world) order(id string) order.State {
	out, err := command.Load(context.Background(), w.logs[fulfilment.Orders], order.Decider, eventstore.StreamID(order.Stream(order.ID(id))))
	if err != nil {
		w.t.Fatal(err)
	}
	return out.State
}

func (w *world) stock(sku string) stock.State {
	out, err := command.Load(context.Background(), w.logs[fulfilment.Inventory], stock.Decider, eventstore.StreamID(stock.Stream(stock.SKU(sku))))
	if err != nil {
		w.t.Fatal(err)
	}
	return out.State
}

func (w *world) payment(id string) payment.State {
	out, err := command.Load(context.Background(), w.logs[fulfilment.Payments], payment.Decider, eventstore.StreamID(payment.Stream(id)))
	if err != nil {
		w.t.Fatal(err)
	}
	return out.State
}

// shown is an event's data for a trace, without the members that say nothing there.
func shown(data []byte) string {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		return err.Error()
	}
	delete(members, "at")
	delete(members, "order_id")
	short, _ := json.Marshal(members) //nolint:errchkjson // was decoded just now
	return string(short)
}

// memLog is an event log in a slice, for one goroutine.
type memLog struct {
	events []eventstore.Recorded
	ids    map[uuid.UUID]bool
}

func (l *memLog) Append(_ context.Context, a eventstore.Append) (eventstore.Commit, error) {
	for _, s := range a.Streams {
		if v := l.version(s.Stream); s.Expected != eventstore.AnyVersion && s.Expected != eventstore.Exactly(v) {
			return eventstore.Commit{}, &eventstore.ConflictError{Stream: s.Stream, Expected: s.Expected, Actual: v}
		}
		for _, e := range s.Events {
			if l.ids[e.ID] {
				return eventstore.Commit{}, &eventstore.DuplicateEventError{ID: e.ID}
			}
		}
	}
	for _, s := range a.Streams {
		for _, e := range s.Events {
			l.ids[e.ID] = true
			l.events = append(l.events, eventstore.Recorded{
				Event: e, Stream: s.Stream, Version: l.version(s.Stream) + 1,
				Position: eventstore.Position(len(l.events) + 1), RecordedAt: start,
			})
		}
	}
	return eventstore.Commit{Last: eventstore.Position(len(l.events))}, nil
}

func (l *memLog) version(stream eventstore.StreamID) (v eventstore.Version) {
	for _, e := range l.events {
		if e.Stream == stream {
			v = e.Version
		}
	}
	return v
}

func (l *memLog) ReadStream(_ context.Context, stream eventstore.StreamID, after eventstore.Version, limit int) ([]eventstore.Recorded, error) {
	var found []eventstore.Recorded
	for _, e := range l.events {
		if e.Stream == stream && e.Version > after && (limit == 0 || len(found) < limit) {
			found = append(found, e)
		}
	}
	return found, nil
}

func (l *memLog) ReadStreams(ctx context.Context, streams []eventstore.StreamID) (map[eventstore.StreamID][]eventstore.Recorded, error) {
	all := map[eventstore.StreamID][]eventstore.Recorded{}
	for _, s := range streams {
		all[s], _ = l.ReadStream(ctx, s, 0, 0)
	}
	return all, nil
}

func (l *memLog) ReadLog(_ context.Context, after eventstore.Position, limit int) ([]eventstore.Recorded, error) {
	rest := l.events[after:]
	return rest[:min(limit, len(rest))], nil
}

func (l *memLog) Head(context.Context) (eventstore.Position, error) {
	return eventstore.Position(len(l.events)), nil
}
