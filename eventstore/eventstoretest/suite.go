package eventstoretest

import (
	"context"
	"testing"

	"github.com/ordo-platform/ordo/eventstore"
)

// Partitions is the number of partitions that stores under test are opened with.
const Partitions = 12

// Store is what the suite tests.
type Store interface {
	eventstore.Appender
	eventstore.Reader

	// Receipt returns what was stored under an idempotency key, if the key is used.
	Receipt(ctx context.Context, scope, key string) (eventstore.Receipt, bool, error)

	// SaveSnapshots keeps snapshots unless there are later ones of the same streams and state versions.
	SaveSnapshots(ctx context.Context, snapshots ...eventstore.Snapshot) error
}

// Run runs the suite. Open returns a new, empty store with [Partitions] partitions that works until the end of the test
// it is given; it is called once per test, and the tests run in parallel.
func Run(t *testing.T, open func(t *testing.T) Store) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, Store){
		"EmptyLog":                 testEmptyLog,
		"ReadsWhatWasWritten":      testReadsWhatWasWritten,
		"Pages":                    testPages,
		"Snapshots":                testSnapshots,
		"ExpectedVersions":         testExpectedVersions,
		"SeveralStreamsAreAtomic":  testSeveralStreamsAreAtomic,
		"DuplicateEvents":          testDuplicateEvents,
		"Receipts":                 testReceipts,
		"Limits":                   testLimits,
		"CallerOwnsItsMemory":      testCallerOwnsItsMemory,
		"EndedContext":             testEndedContext,
		"OneWinnerPerVersion":      testOneWinnerPerVersion,
		"OneReceiptPerKey":         testOneReceiptPerKey,
		"TailNeverSeesAGap":        testTailNeverSeesAGap,
		"PartitionsAreUnbroken":    testPartitionsAreUnbroken,
		"FailedAppendsLeaveNoGaps": testFailedAppendsLeaveNoGaps,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

// event returns an event that no limit forbids.
func event() eventstore.Event {
	return eventstore.Event{ID: eventstore.NewID(), Type: "OrderPlaced", SchemaVersion: 1, Data: []byte(`{"n":1}`)}
}

// to appends to one stream.
func to(stream eventstore.StreamID, expected eventstore.Expected, events ...eventstore.Event) eventstore.Append {
	return eventstore.Append{Streams: []eventstore.StreamAppend{{Stream: stream, Expected: expected, Events: events}}}
}

func mustAppend(t *testing.T, s Store, a eventstore.Append) eventstore.Commit {
	t.Helper()
	commit, err := s.Append(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	return commit
}

// ReadAll returns the whole log.
func ReadAll(t testing.TB, r eventstore.Reader) []eventstore.Recorded {
	t.Helper()
	const page = 500
	var all []eventstore.Recorded
	for {
		var after eventstore.Position
		if len(all) > 0 {
			after = all[len(all)-1].Position
		}
		events, err := r.ReadLog(context.Background(), after, page)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, events...)
		if len(events) < page {
			return all
		}
	}
}

// wantLog checks that the log has n events and nothing is wrong with them.
func wantLog(t *testing.T, s Store, n int) []eventstore.Recorded {
	t.Helper()
	events := ReadAll(t, s)
	CheckLog(t, events)
	if len(events) != n {
		t.Errorf("log has %d events, want %d", len(events), n)
	}
	if head, err := s.Head(t.Context()); err != nil || int(head) != n {
		t.Errorf("head: %d, %v, want %d", head, err, n)
	}
	return events
}

// CheckLog checks the promises about a whole log, from its first event: positions and versions without gaps, ids that are
// unique, partitions and the links within them.
func CheckLog(t testing.TB, events []eventstore.Recorded) {
	t.Helper()
	versions := make(map[eventstore.StreamID]eventstore.Version)
	ids := make(map[[16]byte]eventstore.Position)
	tails := make(map[int32]eventstore.Position)
	for i, e := range events {
		if want := eventstore.Position(i + 1); e.Position != want {
			t.Fatalf("position %d follows %d", e.Position, want-1)
		}
		if versions[e.Stream]++; e.Version != versions[e.Stream] {
			t.Errorf("event %d: version %d of %s, want %d", e.Position, e.Version, e.Stream, versions[e.Stream])
		}
		if at, twice := ids[e.ID]; twice {
			t.Errorf("event %d: id %s is also that of %d", e.Position, e.ID, at)
		}
		ids[e.ID] = e.Position
		if want := eventstore.PartitionOf(e.Stream.Key(), Partitions); e.Partition != want {
			t.Errorf("event %d: partition %d, want %d", e.Position, e.Partition, want)
		}
		if e.Prev != tails[e.Partition] {
			t.Errorf("event %d: prev %d, want %d", e.Position, e.Prev, tails[e.Partition])
		}
		tails[e.Partition] = e.Position
	}
}
