package relay_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/eventstore/relay"
	"github.com/ordo-platform/ordo/internal/kafka"
	"github.com/ordo-platform/ordo/internal/testenv"
)

const partitions = 4

// memoryLog is a log in memory.
type memoryLog struct {
	mu     sync.Mutex
	events []eventstore.Recorded
	tails  [partitions]eventstore.Position
	size   int // of new events, if it matters
	pages  []int
	wake   chan struct{}
}

func newLog(n int) *memoryLog {
	l := &memoryLog{wake: make(chan struct{}, 1)}
	l.append(n)
	return l
}

// append adds n events of as many streams.
func (l *memoryLog) append(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	data := []byte(`{"total":1990}`)
	if l.size > 0 {
		data = fmt.Appendf(nil, `{"text":%q}`, strings.Repeat("x", l.size-len(`{"text":""}`)))
	}
	for range n {
		position := eventstore.Position(len(l.events) + 1)
		stream := eventstore.StreamID(fmt.Sprint("order-", position))
		partition := eventstore.PartitionOf(stream.Key(), partitions)
		l.events = append(l.events, eventstore.Recorded{
			Event:      eventstore.Event{ID: eventstore.NewID(), Type: "OrderPlaced", SchemaVersion: 1, Data: data},
			Stream:     stream,
			Version:    1,
			Position:   position,
			RecordedAt: time.Now().UTC().Add(-time.Hour).Truncate(time.Microsecond), // events may have waited long
			Partition:  partition,
			Prev:       l.tails[partition],
		})
		l.tails[partition] = position
	}
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *memoryLog) ReadLog(_ context.Context, after eventstore.Position, limit int) ([]eventstore.Recorded, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	rest := l.events[after:]
	rest = rest[:min(limit, len(rest))]
	l.pages = append(l.pages, len(rest))
	return slices.Clone(rest), nil
}

// LinkAt is a chain with a link for every third event, as if they were committed in threes.
func (l *memoryLog) LinkAt(_ context.Context, position eventstore.Position) (eventstore.Link, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	position -= position % 3
	if position == 0 {
		return eventstore.Link{}, nil
	}
	if int(position) > len(l.events) {
		return eventstore.Link{}, fmt.Errorf("link at %d of a log that ends at %d", position, len(l.events))
	}
	return eventstore.Link{Position: position, Hash: sha256.Sum256(l.events[position-1].ID[:])}, nil
}

func (l *memoryLog) Head(context.Context) (eventstore.Position, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return eventstore.Position(len(l.events)), nil
}

// lease is granted as often as turns holds something, however many hold it at once: what stops an older relay must be the
// fence.
type lease struct {
	turns    chan struct{}
	asked    chan struct{} // one for each Acquire
	released chan struct{}
	mu       sync.Mutex
	epoch    int64
	renewals []error
}

func newLease(turns int) *lease {
	l := &lease{turns: make(chan struct{}, 100), asked: make(chan struct{}, 100), released: make(chan struct{}, 100)}
	l.grant(turns)
	return l
}

// grant lets the lease be taken n more times.
func (l *lease) grant(n int) {
	for range n {
		l.turns <- struct{}{}
	}
}

func (l *lease) Acquire(ctx context.Context) (int64, error) {
	l.asked <- struct{}{}
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-l.turns:
		l.mu.Lock()
		defer l.mu.Unlock()
		l.epoch++
		return l.epoch, nil
	}
}

func (l *lease) Renew(context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.renewals) == 0 {
		return nil
	}
	err := l.renewals[0]
	l.renewals = l.renewals[1:]
	return err
}

// answer says how the next renewals end; those after them succeed.
func (l *lease) answer(renewals ...error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.renewals = renewals
}

// answered tells whether all those renewals have been asked for.
func (l *lease) answered() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.renewals) == 0
}

func (l *lease) Release(context.Context) error {
	l.released <- struct{}{}
	return nil
}

// network stands between a client and the brokers, and breaks on purpose.
type network struct {
	// on is called for every request with its key before it is sent.
	on func(key kmsg.Key) action

	mu   sync.Mutex
	down bool
}

type action int

const (
	pass      action = iota
	loseAsk          // the request does not get through, and nothing does from then on
	loseReply        // the request gets through, its reply does not, and nothing does from then on
)

var errDown = errors.New("the network is down")

func (n *network) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if n.isDown() {
		return nil, errDown
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &brittleConn{Conn: conn, network: n}, nil
}

func (n *network) isDown() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.down
}

func (n *network) set(down bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.down = down
}

// options make a client use the network, and give up on it soon.
func (n *network) options() []kgo.Opt {
	return []kgo.Opt{
		kgo.Dialer(n.dial),
		kgo.RetryTimeout(100 * time.Millisecond),
		kgo.RetryBackoffFn(func(int) time.Duration { return 5 * time.Millisecond }),
	}
}

type brittleConn struct {
	net.Conn
	network *network
}

func (c *brittleConn) Write(b []byte) (int, error) {
	if c.network.isDown() {
		return 0, errDown
	}
	// A request is 4 bytes of length, then its key; the client writes it at once.
	switch key := kmsg.Key(binary.BigEndian.Uint16(b[4:])); c.network.on(key) {
	case loseAsk:
		c.network.set(true)
		return 0, errDown
	case loseReply:
		n, err := c.Conn.Write(b)
		if err == nil {
			_, err = c.Conn.Read(make([]byte, 4)) // the broker has done what it was asked to
		}
		c.network.set(true)
		return n, errors.Join(err, c.Conn.Close())
	case pass:
	}
	return c.Conn.Write(b)
}

func (c *brittleConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if err == nil && c.network.isDown() {
		return 0, errDown
	}
	return n, err
}

// fixture is a broker with the topics of a service.
type fixture struct {
	ctx     context.Context
	cluster *kfake.Cluster // nil for a real broker
	brokers []string
	client  *kgo.Client
	service string
}

// setup makes topics on the real broker, if there is one, else on one in memory.
func setup(t testing.TB) *fixture {
	t.Helper()
	if broker, service := testenv.RealKafka(); broker != "" {
		return setupOn(t, service, broker)
	}
	return setupFake(t)
}

func setupFake(t testing.TB, options ...kfake.Opt) *fixture {
	t.Helper()
	cluster := testenv.FakeKafka(t, options...)
	f := setupOn(t, "orders", cluster.ListenAddrs()...)
	f.cluster = cluster
	return f
}

// setupOn makes the topics of a service on some broker, or makes them anew.
func setupOn(t testing.TB, service string, brokers ...string) *fixture {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	t.Cleanup(cancel)
	client, err := kafka.Config{Brokers: brokers}.NewClient()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	f := &fixture{ctx: ctx, brokers: brokers, client: client, service: service}
	_, err = kadm.NewClient(client).DeleteTopics(ctx, f.topic(), kafka.RelayTopic(service))
	if err != nil {
		t.Fatal(err)
	}
	if err := kafka.EnsureTopics(ctx, client, kafka.EventsTopicSpec(service, partitions, 1), kafka.RelayTopicSpec(service, 1)); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *fixture) topic() string { return kafka.EventsTopic(f.service) }

func (f *fixture) config(log *memoryLog, l *lease) relay.Config {
	return relay.Config{
		Service: f.service, Log: log, Lease: l, Wake: log.wake, Brokers: f.brokers, Partitions: partitions,
		MaxBatch: 50, // several transactions for a hundred events
	}
}

// start runs a relay until stop is called, which returns what Run returned.
func (f *fixture) start(t testing.TB, c relay.Config) (r *relay.Relay, stop func() error) {
	t.Helper()
	r, err := relay.New(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(f.ctx)
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	stop = sync.OnceValue(func() error {
		cancel()
		return <-done
	})
	t.Cleanup(func() { _ = stop() })
	return r, stop
}

// await polls until a condition holds.
func (f *fixture) await(t testing.TB, what string, holds func() bool) {
	t.Helper()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for !holds() {
		select {
		case <-f.ctx.Done():
			t.Fatalf("waited for %s in vain", what)
		case <-ticker.C:
		}
	}
}

func (f *fixture) awaitPublished(t testing.TB, r *relay.Relay, position eventstore.Position) {
	t.Helper()
	f.await(t, fmt.Sprint("position ", position), func() bool { s := r.Status(); return s.Running && s.Position >= position })
}

// settled waits until the brokers have ended all transactions: that of a commit tells of them only that they will.
func (f *fixture) settled(t testing.TB) {
	t.Helper()
	admin := kadm.NewClient(f.client)
	f.await(t, "transactions to end", func() bool {
		committed, err := admin.ListCommittedOffsets(f.ctx, f.topic(), kafka.RelayTopic(f.service))
		ends, eerr := admin.ListEndOffsets(f.ctx, f.topic(), kafka.RelayTopic(f.service))
		if err = errors.Join(err, eerr, committed.Error(), ends.Error()); err != nil {
			t.Fatal(err)
		}
		open := false
		ends.Each(func(end kadm.ListedOffset) {
			seen, ok := committed.Lookup(end.Topic, end.Partition)
			open = open || !ok || seen.Offset != end.Offset
		})
		return !open
	})
}

// published returns what read-committed readers see, by partition, in order.
func (f *fixture) published(t testing.TB) [partitions][]eventstore.Recorded {
	t.Helper()
	f.settled(t)
	var seen [partitions]map[int64]eventstore.Recorded
	for i := range seen {
		seen[i] = map[int64]eventstore.Recorded{}
	}
	_, err := kafka.ReadTails(f.ctx, f.client, f.topic(), func(r *kgo.Record) bool {
		_, e, err := kafka.Parse(r)
		if err != nil {
			t.Error(err)
		}
		seen[r.Partition][r.Offset] = e
		return false // look at all of them
	})
	if err != nil {
		t.Fatal(err)
	}
	var all [partitions][]eventstore.Recorded
	for i, byOffset := range seen {
		offsets := make([]int64, 0, len(byOffset))
		for offset := range byOffset {
			offsets = append(offsets, offset)
		}
		slices.Sort(offsets)
		for _, offset := range offsets {
			all[i] = append(all[i], byOffset[offset])
		}
	}
	return all
}

// checkExact fails the test unless every event after a position was published once and in order, and the checkpoint says so.
func (f *fixture) checkExact(t testing.TB, log *memoryLog, after eventstore.Position) {
	t.Helper()
	count := 0
	var tails [partitions]eventstore.Position
	for i, events := range f.published(t) {
		for _, e := range events {
			count++
			if int(e.Partition) != i || (tails[i] != 0 && e.Prev != tails[i]) || e.Position <= tails[i] || e.Position <= after {
				t.Fatalf("partition %d: event %d (after %d) comes after %d", i, e.Position, e.Prev, tails[i])
			}
			tails[i] = e.Position
		}
	}
	head := eventstore.Position(len(log.events))
	if want := int(head - after); count != want {
		t.Fatalf("%d events published, want %d", count, want)
	}
	checkpoint, found, err := kafka.LastCheckpoint(f.ctx, f.client, f.service)
	if err != nil || !found || checkpoint.Position != head || !slices.Equal(checkpoint.Tails, tails[:]) {
		t.Fatalf("checkpoint %+v %v %v, want %d %v", checkpoint, found, err, head, tails)
	}
}

// words is a log to read.
type words struct {
	mu   sync.Mutex
	said strings.Builder
}

func (w *words) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.said.Write(b)
}

func (w *words) text() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.said.String()
}
