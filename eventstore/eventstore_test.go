package eventstore_test

import (
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"

	"github.com/ordo-platform/ordo/eventstore"
)

// TestPartitionIsKafkas: other clients that know a key find the partition by Kafka's own rule.
func TestPartitionIsKafkas(t *testing.T) {
	t.Parallel()
	kafka := kgo.StickyKeyPartitioner(nil).ForTopic("orders.events")
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.StringN(1, -1, 64).Draw(t, "key")
		n := rapid.IntRange(1, 64).Draw(t, "partitions")
		want := kafka.Partition(&kgo.Record{Key: []byte(key)}, n)
		if got := eventstore.PartitionOf(key, n); int(got) != want {
			t.Fatalf("key %q of %d partitions: %d, Kafka says %d", key, n, got, want)
		}
	})
}

func TestStreamID(t *testing.T) {
	t.Parallel()
	for id, want := range map[eventstore.StreamID][2]string{
		"order-0198c7a2-5b1e-7000-8000-000000000001": {"order", "0198c7a2-5b1e-7000-8000-000000000001"},
		"stock-MUG-1": {"stock", "MUG-1"},
		"stock":       {"stock", ""},
	} {
		if id.Category() != want[0] || id.Key() != want[1] {
			t.Errorf("%s: category %q, key %q", id, id.Category(), id.Key())
		}
	}
}

// TestDerivedIDs: the same cause, step and number give the same id, any other gives another, and derived ids sort with
// their cause.
func TestDerivedIDs(t *testing.T) {
	t.Parallel()
	cause := uuid.MustParse("0198c7a2-5b1e-7000-8000-000000000001")
	later := uuid.MustParse("0198c7a2-5b1f-7000-8000-000000000001")
	first := eventstore.DeriveID(cause, "reserve_stock", 0)
	if first != eventstore.DeriveID(cause, "reserve_stock", 0) {
		t.Error("the same event has two ids")
	}
	// Logs hold such ids: the rule must never change.
	if want := uuid.MustParse("0198c7a2-5b1e-8ced-b815-f82099928c5c"); first != want || first.Version() != 8 {
		t.Errorf("got %s, version %d", first, first.Version())
	}
	ids := []uuid.UUID{
		first,
		eventstore.DeriveID(cause, "reserve_stock", 1),
		eventstore.DeriveID(cause, "release_stock", 0),
		eventstore.DeriveID(later, "reserve_stock", 0),
	}
	for i, id := range ids {
		if slices.Contains(ids[:i], id) {
			t.Errorf("%s is the id of two events", id)
		}
	}
	if slices.Compare(ids[0][:6], cause[:6]) != 0 || slices.Compare(ids[3][:6], ids[0][:6]) <= 0 {
		t.Error("derived ids do not keep the time of their cause")
	}
}
