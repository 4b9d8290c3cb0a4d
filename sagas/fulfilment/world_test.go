package fulfilment_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/aggregates/payment"
	"github.com/ordo-platform/ordo/aggregates/reservation"
	"github.com/ordo-platform/ordo/aggregates/stock"
	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/command"
	"github.com/ordo-platform/ordo/sagas"
	"github.com/ordo-platform/ordo/sagas/fulfilment"
)

// start is when every world begins; its clock never moves, so that traces are the same each time.
var start = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// link is a topic as one service reads it. Each order has its own partition.
type link struct{ topic, reader string }

// links are all the ways events travel in the process.
var links = []link{
	{fulfilment.Orders, fulfilment.Inventory},
	{fulfilment.Orders, fulfilment.Payments},
	{fulfilment.Inventory, fulfilment.Orders},
	{fulfilment.Payments, fulfilment.Orders},
}

// services are those that take part.
var services = []string{fulfilment.Orders, fulfilment.Inventory, fulfilment.Payments}

var (
	handlers = command.New(nil, nil)
	reactors = map[string]*sagas.Reactor{
		fulfilment.Orders:    fulfilment.Steps.For(fulfilment.Orders),
		fulfilment.Inventory: fulfilment.Steps.For(fulfilment.Inventory),
		fulfilment.Payments:  fulfilment.Steps.For(fulfilment.Payments),
	}
)

// world runs the process in memory: the real reactors, command handlers and aggregates, on logs that are slices. The test
// decides which event is delivered when, and how often, what the provider says, and when deadlines pass.
type world struct {
	t         fataler
	logs      map[string]*memLog
	read      map[cursor]int // how many events of the partition the reader has seen
	orders    []string       // those placed, which are the partitions
	calls     []call         // to the provider, asked for and not answered
	deadlines []deadline     // not passed yet
	provider  provider
	reacting  func(sagas.Caused)                                // told of each reaction before it is decided, if set
	reacted   func(r sagas.Caused, added []eventstore.Recorded) // told of what came of it, if set
	trace     *strings.Builder                                  // nil for none
}

type cursor struct {
	link  link
	order string
}

// call is one to make at the provider.
type call struct {
	order  string
	intent payment.Intent
	cause  eventstore.Recorded
}

// deadline is one that is stored with the event that starts a wait.
type deadline struct {
	key   string
	cause eventstore.Recorded
}

// fataler is a test, or one run of a property.
type fataler interface {
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

func newWorld(t fataler) *world {
	w := &world{t: t, logs: map[string]*memLog{}, read: map[cursor]int{}, provider: provider{done: map[string]bool{}}, trace: &strings.Builder{}}
	for _, service := range services {
		w.logs[service] = &memLog{streams: map[eventstore.StreamID][]eventstore.Recorded{}, partitions: map[string][]eventstore.Recorded{}}
	}
	return w
}

// clone returns a world that goes on from here by itself.
func (w *world) clone() *world {
	c := *w
	c.reacting, c.reacted = nil, nil // they look at w
	c.logs = map[string]*memLog{}
	for service, l := range w.logs {
		c.logs[service] = &memLog{
			position: l.position, streams: clipped(l.streams), partitions: clipped(l.partitions),
		}
	}
	c.read = maps.Clone(w.read)
	c.provider.done = maps.Clone(w.provider.done)
	c.calls, c.deadlines, c.orders = slices.Clone(w.calls), slices.Clone(w.deadlines), slices.Clone(w.orders)
	return &c
}

func clipped[K comparable](lists map[K][]eventstore.Recorded) map[K][]eventstore.Recorded {
	c := make(map[K][]eventstore.Recorded, len(lists))
	for k, list := range lists {
		c[k] = slices.Clip(list)
	}
	return c
}

// receive puts pieces of a SKU on the shelf.
func (w *world) receive(sku string, quantity int64) {
	received := stock.Received{SKU: stock.SKU(sku), Quantity: quantity, Reference: "first", At: start}
	w.logs[fulfilment.Inventory].add(w.t, eventstore.StreamID(stock.Stream(stock.SKU(sku))), received)
}

// place orders lines, as in place("1", line("MUG", 2)).
func (w *world) place(id string, lines ...order.Line) {
	w.orders = append(w.orders, id)
	w.ask(order.Place{OrderID: order.ID(id), CustomerID: "customer", Lines: lines, PaymentMethod: "pm_ok", At: start})
}

func (w *world) cancel(id string) {
	w.ask(order.Cancel{OrderID: order.ID(id), Reason: "changed my mind", At: start})
}

func (w *world) retry(id string) {
	w.ask(order.Retry{OrderID: order.ID(id), Reason: "provider is back", At: start})
}

func (w *world) ship(id string) {
	w.ask(order.Ship{OrderID: order.ID(id), Shipment: order.Shipment{Carrier: "DHL", TrackingNumber: "JD1"}, At: start})
}

// ask executes a command of a client, which may be refused.
func (w *world) ask(c order.Command) {
	cause := eventstore.Recorded{Event: eventstore.Event{ID: eventstore.NewID()}} // each request is one of its own
	reaction := sagas.Caused{Reaction: sagas.Reaction{Try: []aggregates.Command{c}}, Cause: cause, Step: "request"}
	name := "client: " + strings.ToLower(strings.TrimPrefix(fmt.Sprintf("%T", c), "order."))
	if refused := w.apply(fulfilment.Orders, name, reaction); refused != nil {
		w.tell("%s\n    refused: %s", name, refused.Reason)
	}
}

// line is a line at one EUR apiece.
func line(sku string, quantity int64) order.Line {
	return order.Line{SKU: sku, Quantity: quantity, UnitPrice: aggregates.Money{Amount: 100, Currency: "EUR"}}
}

// due are the events of a partition that the reader of a link has not seen.
func (w *world) due(l link, id string) int {
	return len(w.logs[l.topic].partitions[id]) - w.read[cursor{l, id}]
}

// next delivers the next event of a partition.
func (w *world) next(l link, id string) {
	c := cursor{l, id}
	n := w.read[c]
	w.read[c] = n + 1
	w.deliver(l, id, n)
}

// deliver hands the n-th event of a partition (from 0) to a reader, as Kafka does: once, again, or late.
func (w *world) deliver(l link, id string, n int) {
	event := w.logs[l.topic].partitions[id][n]
	reactions, err := reactors[l.reader].React([]eventstore.Recorded{event}, start)
	if err != nil {
		w.t.Fatalf("%s reads %s: %v", l.reader, event.Type, err)
	}
	for _, r := range reactions {
		if refused := w.apply(l.reader, fmt.Sprintf("%s: %s after %s", l.reader, r.Step, r.Cause.Type), r); refused != nil {
			w.t.Fatalf("%s: %s after %s: %v\n%s", l.reader, r.Step, event.Type, refused, w.trace)
		}
	}
}

// apply decides and appends a reaction. A refusal is returned.
func (w *world) apply(service, what string, r sagas.Caused) *aggregates.RefusedError {
	log := w.logs[service]
	if w.reacting != nil {
		w.reacting(r)
	}
	appends, err := handlers.React(context.Background(), log, []sagas.Caused{r})
	if err != nil {
		if refused, ok := asRefused(err); ok {
			return refused
		}
		w.t.Fatalf("%s: %v", what, err)
	}
	var added []eventstore.Recorded
	for _, a := range appends {
		added = append(added, log.append(a)...)
	}
	if w.reacted != nil {
		w.reacted(r, added)
	}
	if len(added) > 0 {
		w.show(what, added)
	}
	for _, e := range added {
		w.follow(service, e)
	}
	return nil
}

// follow notes what has to follow an event outside the log: a call, or a deadline.
func (w *world) follow(service string, e eventstore.Recorded) {
	if service == fulfilment.Inventory {
		return
	}
	switch p := decoded(w.t, e).(type) {
	case payment.AuthorizationRequested:
		w.calls = append(w.calls, call{p.OrderID, payment.Intent{Call: payment.CallAuthorize, Key: p.Key}, e})
	case payment.CaptureRequested:
		w.calls = append(w.calls, call{p.OrderID, payment.Intent{Call: payment.CallCapture, Key: p.Key}, e})
	case payment.VoidRequested:
		w.calls = append(w.calls, call{p.OrderID, payment.Intent{Call: payment.CallVoid, Key: p.Key}, e})
	case payment.RefundRequested:
		w.calls = append(w.calls, call{p.OrderID, payment.Intent{Call: payment.CallRefund, Key: p.Key}, e})
	case order.Event:
		var follows eventstore.Append
		fulfilment.Within(nil).Tasks(p, &follows)
		for _, task := range follows.Tasks {
			w.deadlines = append(w.deadlines, deadline{task.Key, e})
		}
		for _, done := range follows.Done { // the deadline stays: it may be too late to take it away
			if w.waitsFor(deadline{done.Key, e}) {
				w.t.Fatalf("%s takes away the deadline %s that is waited for", e.Type, done.Key)
			}
		}
	}
}

// pass lets the time of the i-th deadline come.
func (w *world) pass(i int) {
	d := w.deadlines[i]
	w.deadlines = slices.Delete(w.deadlines, i, i+1)
	w.passed(d)
}

func (w *world) passed(d deadline) {
	id, wait, err := fulfilment.ParseDeadline(d.key)
	if err != nil {
		w.t.Fatal(err)
	}
	refused := w.apply(fulfilment.Orders, fmt.Sprintf("deadline: %s %d", wait.Step, wait.Attempt), sagas.Caused{
		Reaction: sagas.Reaction{Try: []aggregates.Command{order.PassDeadline{OrderID: id, Wait: wait, At: start}}},
		Cause:    d.cause, Step: fulfilment.PassDeadline,
	})
	if refused != nil {
		w.t.Fatalf("deadline %s: %v", d.key, refused)
	}
}

// waitsFor says whether a deadline is about what its order waits for now.
func (w *world) waitsFor(d deadline) bool {
	id, wait, err := fulfilment.ParseDeadline(d.key)
	if err != nil {
		w.t.Fatal(err)
	}
	s := w.order(string(id))
	return s.Wait == wait && s.Status != order.StatusNeedsAttention
}

// answer makes the i-th open call and records what the provider says, as the payments service does.
func (w *world) answer(i int, yes bool) {
	c := w.calls[i]
	w.calls = slices.Delete(w.calls, i, i+1)
	yes = w.provider.do(w.t, c, yes)
	refused := w.apply(fulfilment.Payments, fmt.Sprintf("payments: the provider answers to %s", c.intent.Call), sagas.Caused{
		Reaction: sagas.Reaction{Try: []aggregates.Command{outcome(c, yes)}}, Cause: c.cause, Step: "record_" + string(c.intent.Call),
	})
	if refused != nil {
		w.t.Fatalf("%s: %v", c.intent.Key, refused)
	}
}

// lose makes the i-th open call, and the answer is lost: it will be made again.
func (w *world) lose(i int, yes bool) { w.provider.do(w.t, w.calls[i], yes) }

func outcome(c call, yes bool) aggregates.Command {
	id, key, reason := c.order, c.intent.Key, "not_possible"
	switch c.intent.Call {
	case payment.CallAuthorize:
		if yes {
			return payment.RecordAuthorized{OrderID: id, AuthorizationID: "auth-" + id, At: start}
		}
		return payment.RecordDeclined{OrderID: id, Reason: "insufficient_funds", At: start}
	case payment.CallCapture:
		if yes {
			return payment.RecordCaptured{OrderID: id, Key: key, At: start}
		}
		return payment.RecordCaptureRefused{OrderID: id, Key: key, Reason: reason, At: start}
	case payment.CallVoid:
		if yes {
			return payment.RecordVoided{OrderID: id, Key: key, At: start}
		}
		return payment.RecordVoidRefused{OrderID: id, Key: key, Reason: reason, At: start}
	case payment.CallRefund:
		if yes {
			return payment.RecordRefunded{OrderID: id, Key: key, At: start}
		}
		return payment.RecordRefundRefused{OrderID: id, Key: key, Reason: reason, At: start}
	case payment.CallNone:
	}
	panic("no such call: " + c.intent.Call)
}

// provider keeps its own books: what it did under each key, which it never does twice.
type provider struct{ done map[string]bool }

func (p provider) do(t fataler, c call, yes bool) bool {
	if before, again := p.done[c.intent.Key]; again {
		return before
	}
	if yes && c.intent.Call != payment.CallAuthorize && !p.can(c) {
		t.Fatalf("%s is asked for in vain", c.intent.Key)
	}
	p.done[c.intent.Key] = yes
	return yes
}

// can says whether there is something to capture, void or refund.
func (p provider) can(c call) bool {
	if c.intent.Call == payment.CallRefund {
		return p.taken(c.order)
	}
	return p.holds(c.order)
}

// holds says whether an order's money is held and not taken; taken, whether it is taken and not given back.
func (p provider) holds(id string) bool {
	return p.did("authorize", id) && !p.did("capture", id) && !p.did("void", id)
}
func (p provider) taken(id string) bool { return p.did("capture", id) && !p.did("refund", id) }

// did says whether a call was answered with yes in any of its attempts.
func (p provider) did(call, id string) bool {
	key := call + "-" + id
	for done, yes := range p.done {
		if yes && (done == key || strings.HasPrefix(done, key+"-")) {
			return true
		}
	}
	return false
}

// catchUp delivers all that is under way on these links, one after the other, and nothing else.
func (w *world) catchUp(on ...link) {
	for _, l := range on {
		for _, id := range w.orders {
			for w.due(l, id) > 0 {
				w.next(l, id)
			}
		}
	}
}

// settle delivers everything that is under way, links in turn, until nothing moves any more. The provider says yes to all
// but what is in the list.
func (w *world) settle(no ...payment.Call) {
	for moved := true; moved; {
		moved = false
		for _, l := range links {
			for _, id := range w.orders {
				for w.due(l, id) > 0 {
					w.next(l, id)
					moved = true
				}
			}
		}
		for len(w.calls) > 0 {
			w.answer(0, !slices.Contains(no, w.calls[0].intent.Call))
			moved = true
		}
	}
}

// show adds a message and the events it led to to the trace.
func (w *world) show(what string, events []eventstore.Recorded) {
	if w.trace == nil {
		return
	}
	fmt.Fprintln(w.trace, what)
	for _, e := range events {
		fmt.Fprintf(w.trace, "    %-29s %s@%d  %s\n", e.Type, e.Stream, e.Version, shown(e.Data))
	}
}

func (w *world) tell(format string, args ...any) {
	if w.trace != nil {
		fmt.Fprintf(w.trace, format+"\n", args...)
	}
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

func (w *world) order(id string) order.State {
	return load(w, fulfilment.Orders, order.Decider, order.Stream(order.ID(id)))
}

func (w *world) stock(sku string) stock.State {
	return load(w, fulfilment.Inventory, stock.Decider, stock.Stream(stock.SKU(sku)))
}

func (w *world) payment(id string) payment.State {
	return load(w, fulfilment.Payments, payment.Decider, payment.Stream(id))
}

func (w *world) reservation(id string) reservation.State {
	return load(w, fulfilment.Inventory, reservation.Decider, reservation.Stream(id))
}

func load[S any, C aggregates.Command, E aggregates.Event](w *world, service string, d aggregates.Decider[S, C, E], stream string) S {
	out, err := command.Load(context.Background(), w.logs[service], d, eventstore.StreamID(stream))
	if err != nil {
		w.t.Fatal(err)
	}
	return out.State
}
