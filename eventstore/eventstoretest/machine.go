package eventstoretest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/ordo-platform/ordo/eventstore"
)

// Loss is what goes wrong between a store and its database.
type Loss int

const (
	// LoseNothing ends a loss that has not happened.
	LoseNothing Loss = iota
	// LoseRequest breaks the connection before the next append is stored.
	LoseRequest
	// LoseReply breaks it after that, before the store hears of it: it happened, but looks like an error.
	LoseReply
)

// RunMachine compares a store with a model of the contract, over random sequences of appends and reads in which connections break.
// lose makes that happen to the next append that comes so far. Nobody else may use the store meanwhile, which may have events.
func RunMachine(t *testing.T, s Store, lose func(Loss)) {
	t.Helper()
	var runs atomic.Int64
	rapid.Check(t, func(t *rapid.T) {
		m := newMachine(t, s, lose, runs.Add(1))
		t.Repeat(map[string]func(*rapid.T){
			"append":      m.append,
			"readStream":  m.readStream,
			"readStreams": m.readStreams,
			"readLog":     m.readLog,
			"receipt":     m.receipt,
			"":            m.checkHead,
		})
	})
	CheckLog(t, ReadAll(t, s))
}

// machine is the model: all that a log is to its users, from where it ended when the machine began.
type machine struct {
	store Store
	lose  func(Loss)
	name  string // of this run: its streams and keys are nobody else's

	base     eventstore.Position
	log      []loggedEvent
	versions map[eventstore.StreamID]eventstore.Version
	receipts map[string]eventstore.Receipt
}

type loggedEvent struct {
	stream  eventstore.StreamID
	version eventstore.Version
	id      uuid.UUID
}

func newMachine(t *rapid.T, s Store, lose func(Loss), run int64) *machine {
	base, err := s.Head(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return &machine{
		store: s, lose: lose, name: fmt.Sprint("machine", run, "-"), base: base,
		versions: map[eventstore.StreamID]eventstore.Version{}, receipts: map[string]eventstore.Receipt{},
	}
}

func (m *machine) head() eventstore.Position { return m.base + eventstore.Position(len(m.log)) }

func (m *machine) drawStream(t *rapid.T) eventstore.StreamID {
	return eventstore.StreamID("order-" + m.name + rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "stream"))
}

func (m *machine) drawKey(t *rapid.T) string {
	return rapid.SampledFrom([]string{"k1", "k2", "k3", "k4", "k5", "k6"}).Draw(t, "key")
}

// drawAppend draws an append that may be refused: for its versions, for an event that is there, for a key that is used.
func (m *machine) drawAppend(t *rapid.T) eventstore.Append {
	var a eventstore.Append
	for _, stream := range rapid.SliceOfNDistinct(rapid.Custom(m.drawStream), 1, 3, rapid.ID).Draw(t, "streams") {
		part := eventstore.StreamAppend{Stream: stream}
		switch rapid.SampledFrom([]string{"right", "right", "right", "any", "none", "wrong"}).Draw(t, "expected") {
		case "right":
			part.Expected = eventstore.Exactly(m.versions[stream])
		case "any":
			part.Expected = eventstore.AnyVersion
		case "wrong":
			part.Expected = eventstore.Exactly(m.versions[stream] + 1)
		}
		for range rapid.IntRange(1, 3).Draw(t, "events") {
			part.Events = append(part.Events, event())
		}
		a.Streams = append(a.Streams, part)
	}
	if len(m.log) > 0 && rapid.IntRange(0, 9).Draw(t, "repeat an event") == 9 {
		a.Streams[0].Events[0].ID = rapid.SampledFrom(m.log).Draw(t, "event").id
	}
	if rapid.Bool().Draw(t, "with a receipt") {
		a.Receipt = &eventstore.Receipt{Scope: m.name, Key: m.drawKey(t), Response: []byte(fmt.Sprint(len(m.log)))}
	}
	return a
}

// refusals are the kinds of errors that the contract has for an append; none if it is to be stored.
func (m *machine) refusals(a eventstore.Append) (kinds []string) {
	if a.Receipt != nil {
		if _, used := m.receipts[a.Receipt.Key]; used {
			return []string{"key used"} // whatever else is wrong
		}
	}
	for _, s := range a.Streams {
		if s.Expected != eventstore.AnyVersion && s.Expected != eventstore.Exactly(m.versions[s.Stream]) {
			kinds = append(kinds, "conflict")
		}
		for _, e := range s.Events {
			if slices.ContainsFunc(m.log, func(l loggedEvent) bool { return l.id == e.ID }) {
				kinds = append(kinds, "duplicate")
			}
		}
	}
	return kinds
}

// append appends. When the outcome is unknown it looks, and asks again as a client would.
func (m *machine) append(t *rapid.T) {
	a := m.drawAppend(t)
	refusals := m.refusals(a)
	m.lose(rapid.SampledFrom([]Loss{LoseNothing, LoseNothing, LoseNothing, LoseRequest, LoseReply}).Draw(t, "lose"))
	defer m.lose(LoseNothing)
	commit, err := m.store.Append(context.Background(), a)
	for tries := 0; err != nil && kindOf(err) == ""; tries++ {
		if tries == 3 {
			t.Fatalf("append goes on failing: %v", err)
		}
		m.lose(LoseNothing)
		if m.stored(t, a) {
			if !errors.Is(err, eventstore.ErrOutcomeUnknown) || len(refusals) > 0 {
				t.Fatalf("append is stored, after the error %v; it is to be refused for %v", err, refusals)
			}
			m.add(t, a, nil)
			if commit, err = m.store.Append(context.Background(), a); !slices.Contains(m.refusals(a), kindOf(err)) {
				t.Fatalf("stored, and asked again: %+v, %v; want %v", commit, err, m.refusals(a))
			}
			return
		}
		commit, err = m.store.Append(context.Background(), a)
	}
	switch {
	case err == nil && len(refusals) == 0:
		m.add(t, a, &commit)
	case err == nil || !slices.Contains(refusals, kindOf(err)):
		t.Fatalf("append %+v: %+v, %v; want %v", a, commit, err, refusals)
	default:
		m.checkRefusal(t, a, err)
	}
}

// kindOf names the refusals of the contract; empty is an error that refuses nothing.
func kindOf(err error) string {
	switch k := kind(err); k {
	case "conflict", "duplicate", "key used":
		return k
	default:
		return ""
	}
}

// stored looks whether an append in doubt is there: as a whole at the end of the log, or not at all.
func (m *machine) stored(t *rapid.T, a eventstore.Append) bool {
	events, err := m.store.ReadLog(context.Background(), m.head(), eventstore.MaxEventsPerAppend)
	if err != nil {
		t.Fatal(err)
	}
	if len(events) == 0 {
		return false
	}
	var want []uuid.UUID
	for _, s := range a.Streams {
		for _, e := range s.Events {
			want = append(want, e.ID)
		}
	}
	var got []uuid.UUID
	for _, e := range events {
		got = append(got, e.ID)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("an append of events %v left %v in the log", want, got)
	}
	return true
}

// add is what an append does to the model. What the store says of it, if it has said it, must be the same.
func (m *machine) add(t *rapid.T, a eventstore.Append, said *eventstore.Commit) {
	want := eventstore.Commit{First: m.head() + 1}
	for _, s := range a.Streams {
		for _, e := range s.Events {
			m.versions[s.Stream]++
			m.log = append(m.log, loggedEvent{s.Stream, m.versions[s.Stream], e.ID})
		}
		want.Versions = append(want.Versions, m.versions[s.Stream])
	}
	want.Last = m.head()
	if said != nil && (said.First != want.First || said.Last != want.Last || !slices.Equal(said.Versions, want.Versions)) {
		t.Fatalf("commit %+v, want %+v", *said, want)
	}
	if a.Receipt != nil {
		r := *a.Receipt
		r.Position = want.Last
		m.receipts[r.Key] = r
	}
}

func (m *machine) checkRefusal(t *rapid.T, a eventstore.Append, err error) {
	if conflict, ok := errors.AsType[*eventstore.ConflictError](err); ok {
		if conflict.Actual != m.versions[conflict.Stream] {
			t.Fatalf("%v, but the version is %d", err, m.versions[conflict.Stream])
		}
	}
	if used, ok := errors.AsType[*eventstore.KeyUsedError](err); ok {
		m.wantReceipt(t, used.Receipt, m.receipts[a.Receipt.Key])
	}
}

func (m *machine) wantReceipt(t *rapid.T, got, want eventstore.Receipt) {
	if got.Key != want.Key || got.Position != want.Position || string(got.Response) != string(want.Response) {
		t.Fatalf("receipt %+v, want %+v", got, want)
	}
}

func (m *machine) receipt(t *rapid.T) {
	key := m.drawKey(t)
	got, used, err := m.store.Receipt(context.Background(), m.name, key)
	want, wantUsed := m.receipts[key]
	if err != nil || used != wantUsed {
		t.Fatalf("receipt %s: %v, %v, want %v", key, used, err, wantUsed)
	}
	m.wantReceipt(t, got, want)
}

func (m *machine) checkHead(t *rapid.T) {
	if head, err := m.store.Head(context.Background()); err != nil || head != m.head() {
		t.Fatalf("head %d, %v, want %d", head, err, m.head())
	}
}

func (m *machine) readLog(t *rapid.T) {
	after := rapid.IntRange(0, len(m.log)).Draw(t, "after")
	limit := rapid.IntRange(1, 10).Draw(t, "limit")
	events, err := m.store.ReadLog(context.Background(), m.base+eventstore.Position(after), limit)
	m.wantEvents(t, events, err, m.log[after:min(after+limit, len(m.log))])
}

func (m *machine) readStream(t *rapid.T) {
	stream := m.drawStream(t)
	want := m.stream(stream)
	after := rapid.IntRange(0, len(want)).Draw(t, "after")
	limit := rapid.IntRange(0, 5).Draw(t, "limit") // 0 is all
	events, err := m.store.ReadStream(context.Background(), stream, eventstore.Version(after), limit)
	if want = want[after:]; limit > 0 {
		want = want[:min(limit, len(want))]
	}
	m.wantEvents(t, events, err, want)
}

func (m *machine) readStreams(t *rapid.T) {
	a, b := m.drawStream(t), m.drawStream(t)
	histories, err := m.store.ReadStreams(context.Background(), map[eventstore.StreamID]int{a: 0, b: 0})
	m.wantEvents(t, histories[a].Events, err, m.stream(a))
	m.wantEvents(t, histories[b].Events, err, m.stream(b))
}

func (m *machine) stream(id eventstore.StreamID) (events []loggedEvent) {
	for _, e := range m.log {
		if e.stream == id {
			events = append(events, e)
		}
	}
	return events
}

func (m *machine) wantEvents(t *rapid.T, got []eventstore.Recorded, err error, want []loggedEvent) {
	same := err == nil && slices.EqualFunc(got, want, func(g eventstore.Recorded, w loggedEvent) bool {
		at := m.base + 1 + eventstore.Position(slices.Index(m.log, w))
		return g.Stream == w.stream && g.Version == w.version && g.ID == w.id && g.Position == at
	})
	if !same {
		t.Fatalf("read %+v, %v, want %+v", got, err, want)
	}
}
