package postgres_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/google/uuid"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/eventstore/postgres"
)

// operation is what a client asked of a stream: to append an event, or to read.
type operation struct {
	stream   eventstore.StreamID
	read     bool
	expected eventstore.Expected
	event    uuid.UUID
}

// answer is what the client was told.
type answer struct {
	kind    answerKind
	version eventstore.Version // after a stored append, or the one that a conflict has found
	events  string             // that a read has returned, as a state of the model
}

type answerKind string

const (
	stored    answerKind = "stored"
	conflict  answerKind = "conflict"
	duplicate answerKind = "duplicate"
	seen      answerKind = "read"
	unknown   answerKind = "unknown"
)

// streamModel is what a stream is to its clients: a list of events to which one at a time is added. A state is the ids of its
// events, one after the other.
var streamModel = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byStream := map[eventstore.StreamID][]porcupine.Operation{}
		for _, o := range history {
			stream := o.Input.(operation).stream
			byStream[stream] = append(byStream[stream], o)
		}
		var parts [][]porcupine.Operation
		for _, part := range byStream {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() any { return "" },
	Step: func(state, input, output any) (bool, any) {
		return stepStream(state.(string), input.(operation), output.(answer))
	},
}

func stepStream(events string, asked operation, told answer) (bool, string) {
	version := eventstore.Version(len(events) / len(asked.event))
	fits := asked.expected == eventstore.AnyVersion || asked.expected == eventstore.Exactly(version)
	there := strings.Contains(events, string(asked.event[:]))
	after := events
	if fits && !there {
		after += string(asked.event[:])
	}
	switch told.kind {
	case seen:
		return told.events == events, events
	case stored:
		return fits && !there && told.version == version+1, after
	case conflict:
		return !fits && told.version == version, events
	case duplicate:
		return fits && there, events
	case unknown: // if it has not happened, it happens when nobody looks any more
		return true, after
	}
	panic(told.kind)
}

// history is what all clients have asked and been told, by a clock that never stands still.
type history struct {
	clock      atomic.Int64
	mu         sync.Mutex
	operations []porcupine.Operation
	kinds      map[answerKind]int
}

// record asks and keeps the answer. A failure that says that nothing was stored is no part of the history: what it was about must
// then never be seen.
func (h *history) record(client int, asked operation, ask func() (answer, error)) (answer, error) {
	o := porcupine.Operation{ClientId: client, Input: asked, Call: h.clock.Add(1)}
	told, err := ask()
	o.Output, o.Return = told, h.clock.Add(1)
	if told.kind == unknown {
		o.Return = math.MaxInt64 // it may still happen
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if err == nil {
		h.operations = append(h.operations, o)
		h.kinds[told.kind]++
	}
	return told, err
}

// check wants every stream's part of the history to be one of the model. It ends with a read of each stream.
func (h *history) check(t *testing.T) {
	t.Helper()
	for _, part := range streamModel.Partition(h.operations) {
		part = withoutNeverSeen(part)
		if result := porcupine.CheckOperationsTimeout(streamModel, part, time.Minute); result != porcupine.Ok {
			slices.SortFunc(part, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
			t.Errorf("history of a stream is %s:", result)
			for _, o := range part {
				t.Logf("client %d, %d to %d: %+v -> %s %d (%d bytes of ids)", o.ClientId, o.Call, o.Return, o.Input,
					o.Output.(answer).kind, o.Output.(answer).version, len(o.Output.(answer).events))
			}
		}
	}
}

// withoutNeverSeen leaves out the appends of unknown outcome whose event is not in the last read: they happen after it, if ever.
// The checker would find that out too, but it tries all other moments first.
func withoutNeverSeen(part []porcupine.Operation) []porcupine.Operation {
	last := slices.MaxFunc(part, func(a, b porcupine.Operation) int {
		return cmp.Compare(readAt(a), readAt(b))
	}).Output.(answer).events
	return slices.DeleteFunc(part, func(o porcupine.Operation) bool {
		event := o.Input.(operation).event
		return o.Output.(answer).kind == unknown && !strings.Contains(last, string(event[:]))
	})
}

func readAt(o porcupine.Operation) int64 {
	if o.Output.(answer).kind != seen {
		return 0
	}
	return o.Call
}

// TestStreamsAreLinearizable: while backends are terminated, requests and replies of COMMIT are lost, and callers leave, each
// stream behaves as if one caller after the other had had its turn at one moment between its call and its answer. There are two
// stores on the log, as two processes have, and a caller with transactions of its own. What a caller was not told may have happened
// at any time after.
func TestStreamsAreLinearizable(t *testing.T) {
	t.Parallel()
	const clients, each, streams = 9, 50, 4
	pool, faults := faultyPool(t)
	cfg := postgres.Config{UnsafeDurability: true}
	one, other := open(t, pool, cfg), open(t, pool, cfg)
	ways := []eventstore.Appender{one, other, txStore{one, pool}, stagingStore{other, pool}}
	h := &history{kinds: map[answerKind]int{}}
	var terminated atomic.Int32
	var wg sync.WaitGroup
	for n := range clients {
		seed := rand.Uint64()
		t.Logf("client %d has seed %d", n, seed)
		c := &client{n: n, history: h, reader: one, random: rand.New(rand.NewPCG(seed, 0)), versions: map[eventstore.StreamID]eventstore.Version{}}
		wg.Go(func() {
			for i := range each {
				stream := eventstore.StreamID(fmt.Sprint("order-", c.random.IntN(streams)))
				switch c.random.IntN(12) {
				case 0:
					faults.armed.CompareAndSwap(noFault, loseReply)
				case 1:
					faults.armed.CompareAndSwap(noFault, loseRequest)
				case 2:
					if terminateWriter(t, pool) {
						terminated.Add(1)
					}
				}
				if c.random.IntN(3) == 0 {
					c.read(t, stream)
				} else {
					c.append(t, ways[i%len(ways)], stream)
				}
			}
		})
	}
	wg.Wait()
	faults.arm(noFault)
	last := &client{n: clients, history: h, reader: one, versions: map[eventstore.StreamID]eventstore.Version{}}
	for i := range streams {
		last.read(t, eventstore.StreamID(fmt.Sprint("order-", i)))
	}
	h.check(t)
	readAll(t, one)
	t.Logf("answers %v, terminated %d, requests lost %d, replies lost %d", h.kinds, terminated.Load(),
		faults.happened[loseRequest].Load(), faults.happened[loseReply].Load())
	for what, n := range map[string]int{
		"backend terminated": int(terminated.Load()), "request lost": int(faults.happened[loseRequest].Load()),
		"reply lost": int(faults.happened[loseReply].Load()), "append stored": h.kinds[stored], "conflict": h.kinds[conflict],
		"outcome unknown": h.kinds[unknown],
	} {
		if n == 0 {
			t.Errorf("void: no %s", what)
		}
	}
}

// client asks one thing after the other.
type client struct {
	n        int
	history  *history
	reader   eventstore.Reader
	random   *rand.Rand
	versions map[eventstore.StreamID]eventstore.Version // that it has heard of
}

func (c *client) read(t *testing.T, stream eventstore.StreamID) {
	_, err := c.history.record(c.n, operation{stream: stream, read: true}, func() (answer, error) {
		events, err := c.reader.ReadStream(t.Context(), stream, 0, 0)
		var ids strings.Builder
		for _, e := range events {
			ids.Write(e.ID[:])
		}
		c.versions[stream] = eventstore.Version(len(events))
		return answer{kind: seen, events: ids.String()}, err
	})
	if err != nil {
		t.Errorf("read: %v", err)
	}
}

// append appends, mostly after the version it knows. Without an answer it asks again, for the same event.
func (c *client) append(t *testing.T, to eventstore.Appender, stream eventstore.StreamID) {
	asked := operation{stream: stream, expected: eventstore.Exactly(c.versions[stream]), event: eventstore.NewID()}
	if c.random.IntN(8) == 0 {
		asked.expected = eventstore.AnyVersion
	}
	e := event()
	e.ID = asked.event
	for range 2 {
		ctx, leave := context.WithCancel(t.Context())
		if c.random.IntN(8) == 0 {
			go leave()
		}
		told, err := c.history.record(c.n, asked, func() (answer, error) {
			commit, err := to.Append(ctx, eventstore.Append{Streams: []eventstore.StreamAppend{
				{Stream: stream, Expected: asked.expected, Events: []eventstore.Event{e}},
			}})
			return answerOf(commit, err)
		})
		leave()
		if told.kind == stored || told.kind == conflict {
			c.versions[stream] = told.version
		}
		if err == nil && told.kind != unknown {
			return
		}
	}
}

// answerOf is what an append has told; the error is one that says that nothing was stored.
func answerOf(commit eventstore.Commit, err error) (answer, error) {
	if err == nil {
		return answer{kind: stored, version: commit.Versions[0]}, nil
	}
	if other, ok := errors.AsType[*eventstore.ConflictError](err); ok {
		return answer{kind: conflict, version: other.Actual}, nil
	}
	if _, ok := errors.AsType[*eventstore.DuplicateEventError](err); ok {
		return answer{kind: duplicate}, nil
	}
	if errors.Is(err, eventstore.ErrOutcomeUnknown) || errors.Is(err, context.Canceled) {
		return answer{kind: unknown}, nil
	}
	return answer{}, err
}

// The check can fail: histories that no such stream can have are found.
func TestHistoriesThatAreNotLinearizable(t *testing.T) {
	t.Parallel()
	first, second := uuid.UUID{1}, uuid.UUID{2}
	ids := func(ids ...uuid.UUID) (text string) {
		for _, id := range ids {
			text += string(id[:])
		}
		return text
	}
	appending := func(call, end int64, event uuid.UUID, expected eventstore.Expected, told answer) porcupine.Operation {
		return porcupine.Operation{Call: call, Return: end, Input: operation{stream: "order-1", event: event, expected: expected}, Output: told}
	}
	reading := func(call, end int64, events string) porcupine.Operation {
		return porcupine.Operation{Call: call, Return: end, Input: operation{stream: "order-1", read: true}, Output: answer{kind: seen, events: events}}
	}
	for name, c := range map[string]struct {
		want    porcupine.CheckResult
		history []porcupine.Operation
	}{
		"in order":                     {porcupine.Ok, []porcupine.Operation{appending(1, 2, first, 0, answer{kind: stored, version: 1}), reading(3, 4, ids(first))}},
		"acknowledged, then not there": {porcupine.Illegal, []porcupine.Operation{appending(1, 2, first, 0, answer{kind: stored, version: 1}), reading(3, 4, "")}},
		"two for one version": {porcupine.Illegal, []porcupine.Operation{
			appending(1, 4, first, 0, answer{kind: stored, version: 1}), appending(2, 3, second, 0, answer{kind: stored, version: 1}),
		}},
		"refused, but there":            {porcupine.Illegal, []porcupine.Operation{appending(1, 2, first, 1, answer{kind: conflict}), reading(3, 4, ids(first))}},
		"conflict with nobody":          {porcupine.Illegal, []porcupine.Operation{appending(1, 2, first, 0, answer{kind: conflict, version: 1})}},
		"read goes back":                {porcupine.Illegal, []porcupine.Operation{appending(1, 9, first, 0, answer{kind: stored, version: 1}), reading(2, 3, ids(first)), reading(4, 5, "")}},
		"order changes":                 {porcupine.Illegal, []porcupine.Operation{appending(1, 9, first, -1, answer{kind: unknown}), appending(1, 9, second, -1, answer{kind: unknown}), reading(2, 3, ids(first, second)), reading(4, 5, ids(second, first))}},
		"unknown, seen later":           {porcupine.Ok, []porcupine.Operation{appending(1, 99, first, 0, answer{kind: unknown}), reading(3, 4, ""), reading(5, 6, ids(first))}},
		"unknown, never seen":           {porcupine.Ok, []porcupine.Operation{appending(1, 99, first, 0, answer{kind: unknown}), reading(3, 4, "")}},
		"unknown, then another instead": {porcupine.Ok, []porcupine.Operation{appending(1, 99, first, 0, answer{kind: unknown}), appending(2, 3, second, 0, answer{kind: stored, version: 1})}},
		"unknown, but stored twice": {porcupine.Illegal, []porcupine.Operation{
			appending(1, 99, first, -1, answer{kind: unknown}), reading(2, 3, ids(first)), appending(4, 5, first, -1, answer{kind: stored, version: 2}),
		}},
	} {
		if got := porcupine.CheckOperationsTimeout(streamModel, c.history, time.Minute); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
