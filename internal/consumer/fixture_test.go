package consumer_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/consumer"
	"github.com/ordo-platform/ordo/internal/kafka"
	"github.com/ordo-platform/ordo/internal/logapi"
	"github.com/ordo-platform/ordo/internal/postgres"
	"github.com/ordo-platform/ordo/internal/testenv"
)

const partitions = 4

// fixture is a broker with an events topic, a log to fill it from, and a database with the tables of a consumer.
type fixture struct {
	ctx     context.Context
	service string // whose events are on the topic
	name    string // of the consumer
	brokers []string
	cluster *kfake.Cluster // nil on a real broker
	client  *kgo.Client
	writer  *kgo.Client
	url     string
	pool    *pgxpool.Pool
	mu      sync.Mutex // of log
	log     []eventstore.Recorded
	tails   [partitions]eventstore.Position
}

// setup makes a topic on the real broker, if there is one, else on one in memory.
func setup(t *testing.T) *fixture {
	t.Helper()
	if broker, service := testenv.RealKafka(); broker != "" {
		return setupOn(t, service, broker)
	}
	return setupFake(t)
}

func setupFake(t *testing.T) *fixture {
	t.Helper()
	cluster := testenv.FakeKafka(t)
	f := setupOn(t, "orders", cluster.ListenAddrs()...)
	f.cluster = cluster
	return f
}

func setupOn(t *testing.T, service string, brokers ...string) *fixture {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	t.Cleanup(cancel)
	f := &fixture{ctx: ctx, service: service, name: "views." + service, brokers: brokers, url: testenv.Postgres(t)}
	var err error
	if f.client, err = (kafka.Config{Brokers: f.brokers}).NewClient(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.client.Close)
	f.makeTopic(t)
	if f.pool, err = postgres.Open(ctx, f.url, 10); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.pool.Close)
	if err := postgres.Migrate(ctx, f.pool, "consumer", consumer.Migrations()); err != nil {
		t.Fatal(err)
	}
	if _, err := f.pool.Exec(ctx, "CREATE TABLE applied (n bigserial, partition int, position bigint)"); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *fixture) topic() string { return kafka.EventsTopic(f.service) }

// deleteTopic returns when the broker does not know the topic any more.
func (f *fixture) deleteTopic(t *testing.T, topic string) {
	t.Helper()
	admin := kadm.NewClient(f.client)
	if _, err := admin.DeleteTopic(f.ctx, topic); err != nil {
		t.Fatal(err)
	}
	f.await(t, "the topic to be gone", func() bool {
		topics, err := admin.ListTopics(f.ctx)
		return err == nil && !topics.Has(topic)
	})
}

// trim deletes the records of a partition before an offset.
func (f *fixture) trim(t *testing.T, partition int32, before int64) {
	t.Helper()
	var to kadm.Offsets
	to.AddOffset(f.topic(), partition, before, -1)
	deleted, err := kadm.NewClient(f.client).DeleteRecords(f.ctx, to)
	if err = errors.Join(err, deleted.Error()); err != nil {
		t.Fatal(err)
	}
}

// makeTopic makes the topic, or makes it anew.
func (f *fixture) makeTopic(t *testing.T) {
	t.Helper()
	if f.writer != nil {
		f.writer.Close()
		f.deleteTopic(t, f.topic())
	}
	if err := kafka.EnsureTopics(f.ctx, f.client, kafka.EventsTopicSpec(f.service, partitions, 1)); err != nil {
		t.Fatal(err)
	}
	var err error
	if f.writer, err = (kafka.Config{Brokers: f.brokers}).NewProducer(f.service + "-" + t.Name()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.writer.Close)
}

// append adds events to the log, one to each partition in turn.
func (f *fixture) append(n int) []eventstore.Recorded {
	f.mu.Lock()
	defer f.mu.Unlock()
	first := len(f.log)
	for range n {
		position := eventstore.Position(len(f.log) + 1)
		partition := int32(position % partitions)
		f.log = append(f.log, eventstore.Recorded{
			Event:      eventstore.Event{ID: eventstore.NewID(), Type: "OrderPlaced", SchemaVersion: 1, Data: []byte(`{"total":1990}`)},
			Stream:     eventstore.StreamID(fmt.Sprint("order-", position)),
			Version:    1,
			Position:   position,
			RecordedAt: time.Now().UTC(),
			Partition:  partition,
			Prev:       f.tails[partition],
		})
		f.tails[partition] = position
	}
	return f.log[first:]
}

// appendTo adds an event to a stream of a partition.
func (f *fixture) appendTo(stream eventstore.StreamID, version eventstore.Version, partition int32) eventstore.Recorded {
	f.mu.Lock()
	defer f.mu.Unlock()
	position := eventstore.Position(len(f.log) + 1)
	e := eventstore.Recorded{
		Event:  eventstore.Event{ID: eventstore.NewID(), Type: "OrderPlaced", SchemaVersion: 1, Data: []byte(`{"total":1990}`)},
		Stream: stream, Version: version, Position: position, RecordedAt: time.Now().UTC(), Partition: partition, Prev: f.tails[partition],
	}
	f.log = append(f.log, e)
	f.tails[partition] = position
	return e
}

// source is the log as consumers see it.
type source struct {
	*fixture
	logapi.Log              // what consumers do not ask for
	down       *atomic.Bool // it cannot be reached
}

func (s source) ReadPartition(_ context.Context, partition int32, after, upTo eventstore.Position, limit int) (events []eventstore.Recorded, err error) {
	if s.down != nil && s.down.Load() {
		return nil, &net.OpError{Op: "dial", Err: errors.New("down")}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.log {
		if e.Partition == partition && e.Position > after && e.Position <= upTo && len(events) < limit {
			events = append(events, e)
		}
	}
	return events, nil
}

func (s source) Unseen(_ context.Context, seen []eventstore.Position) (u eventstore.Unseen, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u.Head = eventstore.Position(len(s.log))
	for _, e := range s.log {
		if int(e.Partition) >= len(seen) || e.Position > seen[e.Partition] {
			if u.Events++; u.Events == 1 {
				u.First, u.Oldest = e.Position, e.RecordedAt
			}
		}
	}
	return u, nil
}

// withLog lets a consumer ask the log.
func (f *fixture) withLog(c consumer.Config) consumer.Config {
	c.Sources = map[string]consumer.Source{f.topic(): source{fixture: f}}
	return c
}

// publish writes events to the topic in one transaction.
func (f *fixture) publish(t *testing.T, events ...eventstore.Recorded) {
	t.Helper()
	records := make([]*kgo.Record, 0, len(events))
	for _, e := range events {
		records = append(records, kafka.Record(f.service, e))
	}
	f.write(t, records...)
}

func (f *fixture) write(t *testing.T, records ...*kgo.Record) {
	t.Helper()
	if err := f.writer.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	var produced kgo.FirstErrPromise
	for _, r := range records {
		f.writer.Produce(f.ctx, r, produced.Promise())
	}
	if err := errors.Join(f.writer.Flush(f.ctx), produced.Err(), kafka.EndTransaction(f.ctx, f.writer, kgo.TryCommit, records...)); err != nil {
		t.Fatal(err)
	}
}

// handler writes down what it is given; before comes first and may refuse.
type handler struct {
	before func(ctx context.Context, tx pgx.Tx, events []eventstore.Recorded) error
}

func (h handler) Handle(ctx context.Context, tx pgx.Tx, events []eventstore.Recorded) error {
	if h.before != nil {
		if err := h.before(ctx, tx, events); err != nil {
			return err
		}
	}
	for _, e := range events {
		if _, err := tx.Exec(ctx, "INSERT INTO applied (partition, position) VALUES ($1, $2)", e.Partition, e.Position); err != nil {
			return err
		}
	}
	return nil
}

func (f *fixture) config(h handler) consumer.Config {
	return consumer.Config{
		Name: f.name, Topics: []string{f.topic()}, Pool: f.pool, Brokers: f.brokers, Handler: h,
		MaxPoll: 20, MinBackoff: 5 * time.Millisecond,
	}
}

// start runs a consumer until stop is called.
func (f *fixture) start(t *testing.T, c consumer.Config) (member *consumer.Consumer, stop func()) {
	t.Helper()
	member, err := consumer.New(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(f.ctx)
	done := make(chan error, 1)
	go func() { done <- member.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return member, stop
}

// await polls until a condition holds.
func (f *fixture) await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	for !holds() {
		select {
		case <-f.ctx.Done():
			t.Fatalf("waited for %s in vain", what)
		case <-ticker.C:
		}
	}
}

// applied returns the positions in the order they were applied.
func (f *fixture) applied(t *testing.T) []eventstore.Position {
	t.Helper()
	rows, err := f.pool.Query(f.ctx, "SELECT position FROM applied ORDER BY n")
	if err != nil {
		t.Fatal(err)
	}
	positions, err := pgx.CollectRows(rows, pgx.RowTo[eventstore.Position])
	if err != nil {
		t.Fatal(err)
	}
	return positions
}

func (f *fixture) awaitApplied(t *testing.T, n int) {
	t.Helper()
	f.await(t, fmt.Sprint(n, " applied events"), func() bool { return len(f.applied(t)) >= n })
}

// checkExact fails the test unless each event but some was applied once, and in order within its partition.
func (f *fixture) checkExact(t *testing.T, but ...eventstore.Position) {
	t.Helper()
	var last [partitions]eventstore.Position
	applied := f.applied(t)
	for _, position := range applied {
		partition := position % partitions
		if position <= last[partition] || slices.Contains(but, position) {
			t.Errorf("event %d of partition %d applied after %d", position, partition, last[partition])
		}
		last[partition] = position
	}
	if want := len(f.log) - len(but); len(applied) != want {
		t.Errorf("%d events applied, want %d", len(applied), want)
	}
}

// in returns a consumer's status in one partition.
func in(c *consumer.Consumer, partition int32) consumer.PartitionStatus {
	for _, p := range c.Status().Partitions {
		if p.Partition == partition {
			return p
		}
	}
	return consumer.PartitionStatus{}
}
