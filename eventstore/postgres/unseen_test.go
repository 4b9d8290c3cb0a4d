package postgres_test

import (
	"fmt"
	"testing"

	"github.com/ordo-platform/ordo/eventstore"
)

// What a reader has not seen is counted by partition, and each partition can be read alone.
func TestUnseenAndReadPartition(t *testing.T) {
	t.Parallel()
	store, _ := setup(t)
	for i := range 40 {
		_, err := store.Append(t.Context(), eventstore.Append{Streams: []eventstore.StreamAppend{{
			Stream: eventstore.StreamID(fmt.Sprint("order-", i)), Events: []eventstore.Event{{ID: eventstore.NewID(), Type: "T", SchemaVersion: 1, Data: []byte(`{"a": 1}`)}},
		}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	head, tails, err := store.Tails(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if u, err := store.Unseen(t.Context(), tails); err != nil || u.Head != head || u.Events != 0 || u.First != 0 || !u.Oldest.IsZero() {
		t.Errorf("seen all: %+v %v", u, err)
	}
	if u, err := store.Unseen(t.Context(), nil); err != nil || u.Events != 40 || u.First != 1 {
		t.Errorf("seen nothing: %+v %v", u, err)
	}
	partition := eventstore.PartitionOf("0", len(tails))
	var own []eventstore.Recorded
	if own, err = store.ReadPartition(t.Context(), partition, 0, head, 100); err != nil || len(own) < 2 || own[0].Position != 1 {
		t.Fatalf("partition: %d events, %v", len(own), err)
	}
	prev := eventstore.Position(0)
	for _, e := range own {
		if e.Partition != partition || e.Prev != prev || string(e.Data) != `{"a": 1}` {
			t.Errorf("event %+v after %d", e, prev)
		}
		prev = e.Position
	}
	if prev != tails[partition] {
		t.Errorf("ends at %d, not %d", prev, tails[partition])
	}
	tails[partition] = 1
	u, err := store.Unseen(t.Context(), tails)
	if err != nil || u.Events != int64(len(own)-1) || u.First != own[1].Position || !u.Oldest.Equal(own[1].RecordedAt) {
		t.Errorf("behind in one partition: %+v %v", u, err)
	}
	some, err := store.ReadPartition(t.Context(), partition, 1, own[1].Position, 100)
	if err != nil || len(some) != 1 {
		t.Errorf("up to the second: %d events, %v", len(some), err)
	}
}
