package chaos

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ordo-platform/ordo/eventstore"
	eventpg "github.com/ordo-platform/ordo/eventstore/postgres"
	"github.com/ordo-platform/ordo/integration/judge"
	"github.com/ordo-platform/ordo/internal/kafka"
)

// TestStrangersRecords: somebody else writes to all topics while the platform works: events before their time and in reverse order,
// copies of events, and what is no event at all. Events are applied once, in order; the rest is set aside by every reader.
func TestStrangersRecords(t *testing.T) {
	onlyInFull(t)
	t.Parallel()
	w, books := open(t)
	p := w.start(setup{})
	p.ready()
	s := newStranger(w)
	s.overtake(p)
	if n := judge.Query[struct{ N int64 }](w.World, "views", "SELECT coalesce(sum(events), 0)::bigint FROM gap_refilled")[0].N; n == 0 {
		t.Fatal("void: nothing was out of order")
	}
	stop := books.Load(t, pace, p.url)
	r := random(t)
	for range rounds() {
		before := books.Accepted()
		for _, service := range judge.Publishers {
			s.write(r, service)
		}
		await(t, "orders go on", func() bool { return books.Accepted() > before+5 })
	}
	stop()
	p.ready()
	w.settleWith(p, books)
}

// stranger writes to the topics without transactions, and tells the judge.
type stranger struct {
	w      *world
	client *kgo.Client
}

func newStranger(w *world) *stranger {
	w.T.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(w.Brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	must(w.T, err)
	w.T.Cleanup(client.Close)
	return &stranger{w, client}
}

func (s *stranger) put(isCopy bool, records ...*kgo.Record) {
	s.w.T.Helper()
	must(s.w.T, s.client.ProduceSync(s.w.T.Context(), records...).FirstErr())
	for _, r := range records {
		s.w.Stranger(r, isCopy)
	}
}

// overtake publishes events before the relay does, the last one first.
func (s *stranger) overtake(p *child) {
	s.w.T.Helper()
	const orders = 16 // more than partitions, so that some share one
	example := s.w.placeOne(p)
	p.signal(syscall.SIGSTOP)
	for range orders {
		id := uuid.NewString()
		s.w.appendTo("order-"+id, 1, eventstore.Event{
			ID: eventstore.NewID(), Type: "OrderPlaced", SchemaVersion: 1, Data: []byte(strings.ReplaceAll(example.Data, strings.TrimPrefix(example.Stream, "order-"), id)),
		})
	}
	events := s.w.readLog(example.Position)
	slices.Reverse(events)
	for _, e := range events {
		s.put(true, kafka.Record("orders", e))
	}
	p.signal(syscall.SIGCONT)
	p.ready()
	if open := s.w.Rest(judge.Patience); open != "" {
		s.w.T.Fatal(open)
	}
}

// readLog returns the events of orders after a position.
func (w *world) readLog(after int64) []eventstore.Recorded {
	w.T.Helper()
	ctx, cancel := context.WithTimeout(w.T.Context(), judge.Patience)
	defer cancel()
	pool, err := pgxpool.New(ctx, w.DatabaseURL("orders"))
	must(w.T, err)
	defer pool.Close()
	store, err := eventpg.Open(ctx, pool, eventpg.Config{Partitions: 12, UnsafeDurability: true})
	must(w.T, err)
	events, err := store.ReadLog(ctx, eventstore.Position(after), 1000)
	must(w.T, err)
	return events
}

// write puts copies of events, and one of each kind of what is none, on the topics of a service.
func (s *stranger) write(r *rand.Rand, service string) {
	s.w.T.Helper()
	var seen []*kgo.Record
	for _, records := range s.w.Ours(service + ".events") {
		for _, record := range records {
			if judge.Number(judge.Header(record, "ce_sequence")) < ahead && len(judge.Header(record, "ce_id")) > 0 && len(record.Value) < 1<<10 {
				seen = append(seen, record)
			}
		}
	}
	slices.SortFunc(seen, func(a, b *kgo.Record) int { // maps have no order, the seed shall give one
		return bytes.Compare([]byte(judge.Header(a, "ce_sequence")), []byte(judge.Header(b, "ce_sequence")))
	})
	some := func() *kgo.Record {
		record := seen[r.IntN(len(seen))]
		return &kgo.Record{Topic: record.Topic, Partition: record.Partition, Key: record.Key, Value: record.Value, Headers: slices.Clone(record.Headers)}
	}
	for range 3 {
		s.put(true, some())
	}
	for _, spoil := range []func(*kgo.Record){
		func(r *kgo.Record) { r.Key, r.Value, r.Headers = nil, nil, nil },
		func(r *kgo.Record) { r.Headers = nil },
		func(r *kgo.Record) { r.Key = nil },
		func(r *kgo.Record) { r.Key = []byte("another") },
		func(r *kgo.Record) { r.Value = nil },
		func(r *kgo.Record) { r.Headers = r.Headers[1:] },
		func(r *kgo.Record) { r.Headers = append(r.Headers, r.Headers[0]) },
		func(r *kgo.Record) {
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: "big", Value: bytes.Repeat([]byte("x"), 300<<10)})
		},
		func(r *kgo.Record) { r.Value = bytes.Repeat([]byte(`"x",`), 150<<10) },
		func(r *kgo.Record) { forge(r, r.Value) }, // a good event from nowhere
		func(r *kgo.Record) { forge(r, []byte("not JSON")) },
		func(r *kgo.Record) { forge(r, []byte("{\"a\":\"\xff\"}")) },
		func(r *kgo.Record) { forge(r, []byte(`{"a":1,"a":2}`)) },
		func(r *kgo.Record) { forge(r, []byte(strings.Repeat("[", 10_000)+strings.Repeat("]", 10_000))) },
	} {
		record := some()
		spoil(record)
		s.put(false, record)
	}
	s.put(false, &kgo.Record{Topic: service + ".relay", Key: []byte("another"), Value: []byte("no checkpoint")})
}

// ahead is a position that no log of a test comes to.
const ahead = 1_000_000_000

// forge makes an event with another id and place of one of ours.
func forge(r *kgo.Record, value []byte) {
	r.Value = value
	for i, h := range r.Headers {
		switch h.Key {
		case "ce_id":
			r.Headers[i].Value = []byte(uuid.NewString())
		case "ce_sequence":
			r.Headers[i].Value = fmt.Appendf(nil, "%020d", ahead)
		case "ordo_prev":
			r.Headers[i].Value = fmt.Append(nil, ahead-1)
		}
	}
}
