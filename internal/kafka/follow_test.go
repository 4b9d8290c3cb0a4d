package kafka_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/kafka"
)

// TestFollow: what was there before is not seen; what comes is, once each and in order, with a stranger's record in between.
func TestFollow(t *testing.T) {
	t.Parallel()
	ctx, config, cl := setup(t)
	if err := kafka.EnsureTopics(ctx, cl, kafka.EventsTopicSpec("catalog", 2, 1)); err != nil {
		t.Fatal(err)
	}
	version := eventstore.Version(0)
	produce := func() eventstore.Version {
		t.Helper()
		version++
		r := kafka.Record("catalog", eventstore.Recorded{
			Event:  eventstore.Event{ID: uuid.New(), Type: "ProductRepriced", SchemaVersion: 1, Data: []byte(`{}`)},
			Stream: "product-MUG", Version: version, Position: eventstore.Position(version), Prev: eventstore.Position(version - 1), RecordedAt: time.Now(),
		})
		stranger := &kgo.Record{Topic: r.Topic, Value: []byte("hello")}
		if err := cl.ProduceSync(ctx, r, stranger).FirstErr(); err != nil {
			t.Fatal(err)
		}
		return version
	}
	before := produce()

	seen := make(chan eventstore.Version, 1000)
	following, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		ended <- config.Follow(following, "catalog.events", func(e eventstore.Recorded) { seen <- e.Version })
	}()
	var first eventstore.Version
	for first == 0 { // nothing says when it has begun
		produce()
		select {
		case first = <-seen:
		case <-time.After(20 * time.Millisecond):
		}
	}
	if first <= before {
		t.Errorf("version %d was there before", first)
	}
	last := produce()
	for want := first + 1; want <= last; want++ {
		select {
		case got := <-seen:
			if got != want {
				t.Fatalf("version %d, want %d", got, want)
			}
		case <-ctx.Done():
			t.Fatalf("version %d is not seen", want)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
