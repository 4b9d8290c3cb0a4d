package consumer_test

import (
	"log/slog"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/consumer"
	"github.com/ordo-platform/ordo/internal/logapi"
)

// What the topic has lost comes from the log, in order, and is counted.
func TestHoleIsRefilledFromTheLog(t *testing.T) {
	t.Parallel()
	f := setup(t)
	var down atomic.Bool
	down.Store(true)
	c := f.config(handler{})
	c.Sources = map[string]consumer.Source{f.topic(): source{fixture: f, down: &down}}
	member, _ := f.start(t, c)
	f.publish(t, f.append(20)...)
	f.awaitApplied(t, 20)
	f.append(4 * 1200) // more than one page of each partition
	f.publish(t, f.append(40)...)
	f.await(t, "attempts while the log cannot be reached", func() bool { return in(member, 3).Attempts > 3 })
	if in(member, 3).Stopped != nil || len(f.applied(t)) != 20 {
		t.Errorf("status %+v", in(member, 3))
	}
	down.Store(false)
	f.awaitApplied(t, 4860)
	f.checkExact(t)
	f.checkSums(t)
	if n := f.count(t, "SELECT sum(events) FROM gap_refilled"); n != 4800 {
		t.Errorf("%d refilled events are on record", n)
	}
	if p := in(member, 3); p.Refilled != 1200 || p.Holes != 0 || member.Status().Err() != nil {
		t.Errorf("status %+v", p)
	}
}

// The topic was trimmed, or its end was lost and written anew: what is missing comes from the log.
func TestTrimmedTopicIsRefilled(t *testing.T) {
	t.Parallel()
	f := setup(t)
	c := f.withLog(f.config(handler{}))
	f.publish(t, f.append(8)...)
	_, stop := f.start(t, c)
	f.awaitApplied(t, 8)
	stop()
	for range 4 {
		f.publish(t, f.append(4)...)
	}
	f.trim(t, 1, 7)
	f.start(t, c)
	f.awaitApplied(t, 24)
	f.checkExact(t)
	f.checkSums(t)
}

// Across processes the log comes over HTTP.
func TestHoleIsRefilledOverHTTP(t *testing.T) {
	t.Parallel()
	f := setup(t)
	server := httptest.NewServer(logapi.Handler(map[string]logapi.Log{f.service: source{fixture: f}}, slog.New(slog.DiscardHandler)))
	t.Cleanup(server.Close)
	log, err := logapi.NewClient(server.URL, f.service)
	if err != nil {
		t.Fatal(err)
	}
	c := f.config(handler{})
	c.Sources = map[string]consumer.Source{f.topic(): log}
	member, _ := f.start(t, c)
	f.append(1000)
	f.publish(t, f.append(20)...)
	f.awaitApplied(t, 1020)
	f.checkExact(t)
	f.await(t, "the lag", func() bool { lag := member.Status().Lag[f.topic()]; return lag.Head == 1020 && lag.Events == 0 })
}

// A log that does not have what the topic says came before is no help: the partition stops.
func TestHoleInTheLogToo(t *testing.T) {
	t.Parallel()
	f := setup(t)
	member, _ := f.start(t, f.withLog(f.config(handler{})))
	f.publish(t, f.append(20)...)
	f.awaitApplied(t, 20)
	f.append(20)
	revealing := f.log[34]
	f.mu.Lock()
	f.log = slices.DeleteFunc(f.log, func(e eventstore.Recorded) bool { return e.Position == revealing.Prev })
	f.mu.Unlock()
	f.publish(t, revealing)
	f.await(t, "the alarm", func() bool { return in(member, 3).Holes == 1 && member.Status().Err() != nil })
}
