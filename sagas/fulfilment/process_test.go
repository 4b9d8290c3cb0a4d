package fulfilment_test

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/sagas"
	"github.com/ordo-platform/ordo/sagas/fulfilment"
)

// TestProcess holds the process to "every event has an answer in every state": it goes every way an order can go, asks each
// step in every state that came up, and writes docs/process.md of it. A refusal stops the partition it comes up in, with
// all orders behind it, so it is only allowed where no delivery, however late or often repeated, can lead.
func TestProcess(t *testing.T) {
	t.Parallel()
	found := explore(t)
	for _, s := range fulfilment.Steps {
		if len(found.named(s)) == 0 && s.Name != "record_never_reserved" { // see tombstone
			t.Errorf("nothing leads to %s", s.Name)
		}
	}
	var doc strings.Builder
	doc.WriteString(processIntro)
	writePicture(&doc, found)
	writeSteps(&doc, found)
	writeRequests(&doc, found)
	for _, category := range []string{"order", "reservation", "payment"} {
		writeAnswers(t, &doc, found, category)
	}
	golden(t, filepath.Join("..", "..", "docs", "process.md"), doc.String())
	t.Logf("%d moments", found.moments)
}

const processIntro = `# The process of an order

<!-- Generated from the code by "go generate ./sagas/fulfilment". Do not edit. -->

Nobody coordinates. Inventory and payments listen to the orders' events, orders listens to theirs; every wait of the process
is an event in the order's own stream, with a deadline stored in the same transaction. This page is made by going every
way an order can go: every order of deliveries, every answer of the payment provider, and being cancelled, shipped, retried
or timed out at every moment.

## An order

`

func writePicture(doc *strings.Builder, found explored) {
	doc.WriteString("```mermaid\nstateDiagram-v2\n")
	changes := slices.SortedFunc(maps.Keys(found.changes), func(a, b change) int {
		return cmp.Or(cmp.Compare(stage(a.from), stage(b.from)), cmp.Compare(a.from, b.from), cmp.Compare(a.event, b.event), cmp.Compare(a.to, b.to))
	})
	names := map[string]string{"none": "[*]"}
	for _, c := range changes {
		for _, state := range []string{c.from, c.to} {
			if names[state] == "" {
				names[state] = fmt.Sprintf("s%d", len(names))
				fmt.Fprintf(doc, "  state \"%s\" as %s\n", strings.ReplaceAll(state, ": ", ":<br>"), names[state])
			}
		}
	}
	for _, c := range changes {
		fmt.Fprintf(doc, "  %s --> %s: %s\n", names[c.from], names[c.to], strings.TrimPrefix(c.event, "Order"))
	}
	for _, end := range []string{"shipped", "rejected", "cancelled"} {
		fmt.Fprintf(doc, "  %s --> [*]\n", names[end])
	}
	doc.WriteString("```\n\n")
}

// stage orders states by how far an aggregate has come.
func stage(state string) int {
	status, _, _ := strings.Cut(strings.ReplaceAll(state, ",", ":"), ":")
	return slices.Index([]string{
		"none", "placed", "awaiting_payment", "confirmed", "shipped", "cancelling", "needs_attention", "rejected", "cancelled",
		"reserved", "refused", "committed", "released",
		"requested", "declined", "authorized", "capturing", "captured", "voiding", "voided", "refunding", "refunded",
	}, status)
}

func writeSteps(doc *strings.Builder, found explored) {
	doc.WriteString("## Steps\n\nAn answer that is not there within the time is treated as in [Requests and deadlines](#requests-and-deadlines).\n\n" +
		"| step | service | after | leads to | undone by | answer within |\n|---|---|---|---|---|---|\n")
	for _, s := range fulfilment.Steps {
		within := ""
		if s.Within > 0 {
			within = fmt.Sprint(s.Within.Seconds(), " s")
		}
		leads := found.leads[s.Name]
		if s.Name == "record_never_reserved" {
			leads = []string{(order.Cancelled{}).EventType()}
		}
		fmt.Fprintf(doc, "| `%s` | %s | %s | %s | %s | %s |\n", s.Name, s.Owner, s.Do.EventType, strings.Join(slices.Sorted(slices.Values(leads)), ", "), code(s.UndoneBy), within)
	}
	doc.WriteString("\nThe payments service makes the calls that its `…Requested` events ask for, and records the answers:\n\n| call | leads to |\n|---|---|\n")
	for _, call := range []string{"authorize", "capture", "void", "refund"} {
		fmt.Fprintf(doc, "| %s | %s |\n", call, strings.Join(slices.Sorted(slices.Values(found.leads["record_"+call])), ", "))
	}
	doc.WriteString("\n")
}

func code(name string) string {
	if name == "" {
		return ""
	}
	return "`" + name + "`"
}

// writeRequests tells what comes of what people ask for, and of time.
func writeRequests(doc *strings.Builder, found explored) {
	doc.WriteString("## Requests and deadlines\n\nWhat is not possible is refused and changes nothing; the same request again is accepted with nothing new.\n\n" +
		"| request | leads to | nothing new when the order is | not possible when the order is |\n|---|---|---|---|\n")
	for _, request := range []struct {
		name    string
		command func(order.State) order.Command
	}{
		{"cancel", func(order.State) order.Command {
			return order.Cancel{OrderID: "1", Reason: "changed my mind", At: start}
		}},
		{"ship", func(order.State) order.Command {
			return order.Ship{OrderID: "1", Shipment: order.Shipment{Carrier: "DHL", TrackingNumber: "JD1"}, At: start}
		}},
		{"retry", func(order.State) order.Command {
			return order.Retry{OrderID: "1", Reason: "provider is back", At: start}
		}},
		{"deadline of what is awaited", func(s order.State) order.Command {
			return order.PassDeadline{OrderID: "1", Wait: s.Wait, At: start}
		}},
	} {
		answers := map[string]string{}
		for state, w := range found.states["order"] {
			answers[state], _ = ask(w, fulfilment.Orders, sagas.Caused{
				Reaction: sagas.Reaction{Try: []aggregates.Command{request.command(w.order("1"))}},
				Cause:    eventstore.Recorded{Event: eventstore.Event{ID: eventstore.NewID()}}, Step: "request",
			})
		}
		writeRow(doc, request.name, answers)
	}
	doc.WriteString("\n")
}

// writeAnswers tells what comes of each event in each state of one kind of aggregate.
func writeAnswers(t *testing.T, doc *strings.Builder, found explored, category string) {
	t.Helper()
	fmt.Fprintf(doc, "## Every event has an answer in every state: %s\n\n| event, step | leads to | nothing new when the %s is | cannot come when the %s is |\n|---|---|---|---|\n", category, category, category)
	for _, s := range fulfilment.Steps {
		for _, name := range found.named(s) {
			r := found.causes[name]
			if eventstore.StreamID(r.Try[0].Stream()).Category() != category {
				continue
			}
			answers := map[string]string{}
			for state, w := range found.states[category] {
				answer, refused := ask(w, s.Owner, r)
				if refused && found.met[situation{name, state}] {
					t.Errorf("%s can find its %s %s, and is refused", name, category, state)
				}
				answers[state] = answer
			}
			writeRow(doc, fmt.Sprintf("%s, `%s`", s.Do.EventType, name), answers)
		}
	}
	doc.WriteString("\n")
}

// named are the names that a step's reactions go by.
func (e explored) named(s sagas.Step) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(e.causes)) {
		if e.causes[name].Step == s.Name {
			names = append(names, name)
		}
	}
	return names
}

const (
	nothing = ""
	refusal = "!"
)

func writeRow(doc *strings.Builder, name string, answers map[string]string) {
	var leads, same, never []string
	states := slices.SortedFunc(maps.Keys(answers), func(a, b string) int { return cmp.Or(cmp.Compare(stage(a), stage(b)), cmp.Compare(a, b)) })
	for _, state := range states {
		switch answer := answers[state]; answer {
		case nothing:
			same = append(same, state)
		case refusal:
			never = append(never, state)
		default:
			leads = append(leads, state+" → "+answer)
		}
	}
	fmt.Fprintf(doc, "| %s | %s | %s | %s |\n", name, strings.Join(leads, "<br>"), strings.Join(same, "; "), strings.Join(never, "; "))
}

// ask returns what a reaction leads to in a world like this: the events, nothing, or a refusal.
func ask(w *world, service string, r sagas.Caused) (answer string, refused bool) {
	w = w.clone()
	r.Cause.ID = eventstore.NewID() // not the event that came up here, but one like it
	var types []string
	w.reacted = func(_ sagas.Caused, added []eventstore.Recorded) {
		for _, e := range added {
			types = append(types, e.Type)
		}
	}
	if w.apply(service, r.Step, r) != nil {
		return refusal, true
	}
	return strings.Join(types, ", "), false
}
