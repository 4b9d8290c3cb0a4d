package eventstoretest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/ordo-platform/ordo/eventstore"
)

// testOneWinnerPerVersion lets several writers fight for each next version of the same streams.
func testOneWinnerPerVersion(t *testing.T, s Store) {
	const writers, rounds = 8, 20
	streams := []eventstore.StreamID{"stock-A", "stock-B"}
	for round := range rounds {
		var won atomic.Int32
		var wg sync.WaitGroup
		for i := range writers {
			wg.Go(func() {
				stream := streams[i%len(streams)]
				_, err := s.Append(t.Context(), to(stream, eventstore.Exactly(eventstore.Version(round)), event()))
				if err == nil {
					won.Add(1)
				} else if conflict, ok := errors.AsType[*eventstore.ConflictError](err); !ok || int(conflict.Actual) != round+1 {
					t.Errorf("round %d: %v", round, err)
				}
			})
		}
		wg.Wait()
		if int(won.Load()) != len(streams) {
			t.Fatalf("round %d: %d appends to %d streams won", round, won.Load(), len(streams))
		}
	}
	wantLog(t, s, rounds*len(streams))
}

func testOneReceiptPerKey(t *testing.T, s Store) {
	const writers = 16
	var won atomic.Pointer[string]
	responses := make([]string, writers)
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			a := to(eventstore.StreamID("order-"+uuid.NewString()), eventstore.NoStream, event())
			response := fmt.Sprint("writer ", i)
			a.Receipt = &eventstore.Receipt{Scope: "s", Key: "k", Response: []byte(response)}
			_, err := s.Append(t.Context(), a)
			if used, ok := errors.AsType[*eventstore.KeyUsedError](err); ok {
				responses[i] = string(used.Receipt.Response)
			} else if err != nil || !won.CompareAndSwap(nil, &response) {
				t.Errorf("writer %d: %v", i, err)
			} else {
				responses[i] = response
			}
		})
	}
	wg.Wait()
	for i, r := range responses {
		if winner := won.Load(); winner == nil || r != *winner {
			t.Errorf("writer %d was answered %q", i, r)
		}
	}
	wantLog(t, s, 1)
}

// testTailNeverSeesAGap reads along while many write: what comes after the last position seen must be the next one, always.
func testTailNeverSeesAGap(t *testing.T, s Store) {
	const writers, each = 64, 25
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			stream := eventstore.StreamID("order-" + uuid.NewString())
			for range each {
				if _, err := s.Append(t.Context(), to(stream, eventstore.AnyVersion, event())); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	written := make(chan struct{})
	go func() { wg.Wait(); close(written) }()

	var seen eventstore.Position
	for done := false; !done; {
		select {
		case <-written:
			done = true // this page is the last
		default:
		}
		head, err := s.Head(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		events, err := s.ReadLog(t.Context(), seen, writers*each)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			if e.Position != seen+1 {
				t.Fatalf("position %d appeared after %d", e.Position, seen)
			}
			seen = e.Position
		}
		if seen < head {
			t.Fatalf("head was %d, but the log ended at %d", head, seen)
		}
	}
	wantLog(t, s, writers*each)
}

// testPartitionsAreUnbroken checks the links with appends that run over several partitions at once.
func testPartitionsAreUnbroken(t *testing.T, s Store) {
	const writers, each = 8, 10
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range each {
				var a eventstore.Append
				for range 3 {
					a.Streams = append(a.Streams, to(eventstore.StreamID("order-"+uuid.NewString()), 0, event(), event()).Streams...)
				}
				if _, err := s.Append(t.Context(), a); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	wantLog(t, s, writers*each*6)
}

// testFailedAppendsLeaveNoGaps mixes appends that must fail, each for its own reason, with appends that must not.
func testFailedAppendsLeaveNoGaps(t *testing.T, s Store) {
	const each = 40
	stored := event()
	first := to("order-first", eventstore.NoStream, stored)
	first.Receipt = &eventstore.Receipt{Scope: "s", Key: "used"}
	mustAppend(t, s, first)
	var wg sync.WaitGroup
	repeat := func(want string, a func() eventstore.Append) {
		wg.Go(func() {
			for range each {
				if _, err := s.Append(t.Context(), a()); kind(err) != want {
					t.Errorf("error %v, want %s", err, want)
				}
			}
		})
	}
	fresh := func(events ...eventstore.Event) eventstore.Append {
		return to(eventstore.StreamID("order-"+uuid.NewString()), eventstore.NoStream, events...)
	}
	for range 3 {
		repeat("none", func() eventstore.Append { return fresh(event(), event()) })
		repeat("conflict", func() eventstore.Append { return to("order-first", eventstore.NoStream, event()) })
		repeat("duplicate", func() eventstore.Append { return fresh(event(), stored) })
		repeat("key used", func() eventstore.Append {
			a := fresh(event())
			a.Receipt = &eventstore.Receipt{Scope: "s", Key: "used"}
			return a
		})
	}
	wg.Wait()
	wantLog(t, s, 1+3*each*2)
}

func kind(err error) string {
	if err == nil {
		return "none"
	}
	if _, ok := errors.AsType[*eventstore.ConflictError](err); ok {
		return "conflict"
	}
	if _, ok := errors.AsType[*eventstore.DuplicateEventError](err); ok {
		return "duplicate"
	}
	if _, ok := errors.AsType[*eventstore.KeyUsedError](err); ok {
		return "key used"
	}
	return err.Error()
}
