package relay_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/eventstore/relay"
	"github.com/ordo-platform/ordo/internal/kafka"
)

func TestPublishesBacklogAndNewEvents(t *testing.T) {
	t.Parallel()
	f := setup(t)
	log := newLog(230)
	l := newLease(1)
	r, stop := f.start(t, f.config(log, l))
	f.awaitPublished(t, r, 230)
	for i := range 10 {
		log.append(1)
		f.awaitPublished(t, r, eventstore.Position(231+i))
	}
	if err := r.Status().Err(); err != nil {
		t.Error(err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	<-l.released
	f.checkExact(t, log, 0)
}

func TestGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	f := setup(t)
	log := newLog(0)
	for i := range 4 {
		log.append(60)
		r, stop := f.start(t, f.config(log, newLease(100)))
		f.awaitPublished(t, r, eventstore.Position(60*(i+1)))
		if err := stop(); err != nil {
			t.Error(err)
		}
	}
	f.checkExact(t, log, 0)
}

func TestPollsWithoutWakeUps(t *testing.T) {
	t.Parallel()
	f := setup(t)
	log := newLog(10)
	c := f.config(log, newLease(100))
	c.Wake = nil
	r, _ := f.start(t, c)
	f.awaitPublished(t, r, 10)
	log.append(1)
	f.awaitPublished(t, r, 11)
	f.checkExact(t, log, 0)
}

// A relay that failed and finds that another has its lease is well: it waits. It is not until it knows.
func TestStandbyForgetsItsError(t *testing.T) {
	t.Parallel()
	f := setup(t)
	l := newLease(1)
	n := &network{on: func(key kmsg.Key) action {
		if key == kmsg.EndTxn {
			return loseAsk
		}
		return pass
	}}
	c := f.config(newLog(10), l)
	c.Options = n.options()
	c.RenewEvery = 50 * time.Millisecond
	r, _ := f.start(t, c)
	f.await(t, "the error", func() bool { return r.Status().Err() != nil && r.Status().LastError != nil })
	f.await(t, "its turn", func() bool { return r.Status().Waiting && r.Status().Err() == nil })
}

// A commit whose reply is lost may have happened or not. The relay must find out by reading, not by asking again.
func TestCommitReplyLost(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]action{"committed": loseReply, "not committed": loseAsk} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			log := newLog(120)
			l := newLease(1)
			var commits atomic.Int32
			n := &network{on: func(key kmsg.Key) action {
				if key == kmsg.EndTxn && commits.Add(1) == 2 {
					return lose
				}
				return pass
			}}
			c := f.config(log, l)
			c.Options = n.options()
			r, _ := f.start(t, c)
			<-l.asked
			<-l.asked // it gave up and starts again
			if err := r.Status().Err(); err == nil {
				t.Error("no error in the status")
			}
			n.set(false)
			l.grant(10) // it needs one; a busy machine may cost it more
			f.awaitPublished(t, r, 120)
			f.checkExact(t, log, 0)
		})
	}
}

// Power off at the k-th request, before it is sent or before its reply is seen, for every k that a start and a few
// transactions take. Whoever comes next must complete the topic.
func TestKilledAnywhere(t *testing.T) {
	t.Parallel()
	for _, lose := range []action{loseAsk, loseReply} {
		for k := int32(1); k <= 40; k++ {
			t.Run(fmt.Sprint(lose, " ", k), func(t *testing.T) {
				t.Parallel()
				f := setup(t)
				log := newLog(170)
				killed := make(chan struct{})
				var requests atomic.Int32
				n := &network{on: func(kmsg.Key) action {
					if requests.Add(1) == k {
						close(killed)
						return lose
					}
					return pass
				}}
				c := f.config(log, newLease(1))
				c.Options = n.options()
				c.StopTimeout = time.Nanosecond
				r, stop := f.start(t, c)
				f.await(t, "the kill, or the end", func() bool {
					select {
					case <-killed:
						return true
					default:
						return r.Status().Position == 170
					}
				})
				_ = stop()

				log.append(30)
				next, _ := f.start(t, f.config(log, newLease(100)))
				f.awaitPublished(t, next, 200)
				f.checkExact(t, log, 0)
			})
		}
	}
}

// The older of two relays stands still before its commit, the newer takes over, and the older's commit gets through as late
// as can be: after the newer has read what is published. Only a fence before that reading keeps the two apart.
func TestOlderRelayIsFenced(t *testing.T) {
	t.Parallel()
	f := setup(t)
	log := newLog(100)
	atCommit, goOn := make(chan struct{}), make(chan struct{})
	var commits atomic.Int32
	slow := &network{on: func(key kmsg.Key) action {
		if key == kmsg.EndTxn && commits.Add(1) == 2 {
			close(atCommit)
			<-goOn
		}
		return pass
	}}
	oldLease := newLease(1)
	c := f.config(log, oldLease)
	c.Options = []kgo.Opt{kgo.Dialer(slow.dial)}
	older, _ := f.start(t, c)
	<-oldLease.asked
	<-atCommit

	var hasRead atomic.Bool
	letGo := sync.OnceFunc(func() {
		close(goOn)
		f.await(t, "the end of the older relay's commit", func() bool { s := older.Status(); return !s.Running || s.Position == 100 })
	})
	watched := &network{on: func(key kmsg.Key) action {
		switch {
		case key == kmsg.Fetch:
			hasRead.Store(true)
		case key == kmsg.Produce, key == kmsg.InitProducerID && hasRead.Load():
			letGo()
		}
		return pass
	}}
	c = f.config(log, newLease(1))
	c.Options = []kgo.Opt{kgo.Dialer(watched.dial)}
	newer, _ := f.start(t, c)
	f.awaitPublished(t, newer, 100)
	f.checkExact(t, log, 0)
	<-oldLease.asked // back at the start, where there is no turn for it
	if s := older.Status(); s.Running {
		t.Errorf("older relay: %+v", s)
	}
	log.append(50)
	f.awaitPublished(t, newer, 150)
	f.checkExact(t, log, 0)
}

// An idle relay does not know that it was replaced. Its next transaction must not get through.
func TestIdleRelayIsFenced(t *testing.T) {
	t.Parallel()
	f := setup(t)
	log := newLog(10)
	oldLease := newLease(1)
	c := f.config(log, oldLease)
	c.Wake = nil
	older, _ := f.start(t, c)
	<-oldLease.asked
	f.awaitPublished(t, older, 10)
	newer, _ := f.start(t, f.config(log, newLease(100)))
	f.awaitPublished(t, newer, 10)
	log.append(100) // both try
	<-oldLease.asked
	f.awaitPublished(t, newer, 110)
	f.checkExact(t, log, 0)
}

func TestLostLeaseEndsTheSession(t *testing.T) {
	t.Parallel()
	f := setup(t)
	log := newLog(10)
	l := newLease(1)
	c := f.config(log, l)
	c.RenewEvery = 5 * time.Millisecond
	r, _ := f.start(t, c)
	<-l.asked
	f.awaitPublished(t, r, 10)
	l.answer(fmt.Errorf("another holds it: %w", eventstore.ErrLeaseLost))
	<-l.released
	<-l.asked
	if s := r.Status(); s.Running || !s.Waiting || s.Err() != nil {
		t.Errorf("waiting for its turn: %+v", s)
	}
	log.append(10)
	l.grant(10) // it needs one; a busy machine may cost it more
	f.awaitPublished(t, r, 20)
	if s := r.Status(); s.Epoch < 2 {
		t.Errorf("epoch %d", s.Epoch)
	}
	f.checkExact(t, log, 0)
}

// A database that hiccups must not end the session: the lease is still ours for a while.
func TestFailedRenewalIsTriedAgain(t *testing.T) {
	t.Parallel()
	f := setup(t)
	log := newLog(10)
	l := newLease(1)
	c := f.config(log, l)
	c.LeaseTime, c.RenewEvery = time.Hour, 2*time.Millisecond
	r, stop := f.start(t, c)
	f.awaitPublished(t, r, 10)
	hiccup := errors.New("connection reset")
	l.answer(hiccup, hiccup, hiccup, nil, hiccup)
	f.await(t, "the renewals", l.answered)
	log.append(10)
	f.awaitPublished(t, r, 20)
	if s := r.Status(); s.Epoch != 1 {
		t.Errorf("epoch %d: the session has ended", s.Epoch)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// A lease that nobody could renew for as long as it lasts is over, even if no one else has it.
func TestLeaseRunsOut(t *testing.T) {
	t.Parallel()
	f := setup(t)
	l := newLease(1)
	c := f.config(newLog(10), l)
	c.LeaseTime, c.RenewEvery = 20*time.Millisecond, 2*time.Millisecond
	r, _ := f.start(t, c)
	<-l.asked
	f.awaitPublished(t, r, 10)
	l.answer(slices.Repeat([]error{errors.New("no connection")}, 1000)...)
	<-l.released
	<-l.asked
}

// Large events are read a few at a time, so memory stays bounded in bytes.
func TestReadsLargeEventsInSmallPages(t *testing.T) {
	t.Parallel()
	f := setup(t)
	log := newLog(0)
	log.size = eventstore.MaxEventBytes
	log.append(300)
	r, _ := f.start(t, f.config(log, newLease(100)))
	f.awaitPublished(t, r, 300)
	f.checkExact(t, log, 0)
	log.mu.Lock()
	defer log.mu.Unlock()
	for i, page := range log.pages {
		if bytes := page * eventstore.MaxEventBytes; i > 0 && bytes > 2<<20 {
			t.Errorf("page %d has %d bytes", i, bytes)
		}
	}
}

// Brokers whose transactions are of an old version are used, with a warning.
func TestWarnsOfOldBrokers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		brokers []kfake.Opt
		warns   bool
	}{
		"Kafka 3.9":   {[]kfake.Opt{kfake.MaxVersions(kversion.V3_9_0())}, true},
		"the present": {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setupFake(t, c.brokers...)
			log := newLog(10)
			said := &words{}
			config := f.config(log, newLease(100))
			config.Logger = slog.New(slog.NewTextHandler(said, nil))
			r, stop := f.start(t, config)
			f.awaitPublished(t, r, 10)
			if err := stop(); err != nil {
				t.Error(err)
			}
			if warned := strings.Contains(said.text(), "transaction.version"); warned != c.warns {
				t.Errorf("warned: %t, said:\n%s", warned, said.text())
			}
		})
	}
}

// transact writes records as one transaction, as a broker that tears transactions would leave them.
func (f *fixture) transact(t *testing.T, end kgo.TransactionEndTry, records ...*kgo.Record) {
	t.Helper()
	p, err := kafka.Config{Brokers: f.brokers}.NewProducer("test-" + f.service)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := p.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	var produced kgo.FirstErrPromise
	for _, r := range records {
		p.Produce(f.ctx, r, produced.Promise())
	}
	if err := errors.Join(p.Flush(f.ctx), produced.Err(), kafka.EndTransaction(f.ctx, p, end, records...)); err != nil {
		t.Fatal(err)
	}
}

func (f *fixture) recordsOf(l *memoryLog, keep func(eventstore.Recorded) bool) []*kgo.Record {
	var records []*kgo.Record
	for _, e := range l.events {
		if keep(e) {
			records = append(records, kafka.Record(f.service, e))
		}
	}
	return records
}

func (f *fixture) checkpointAt(l *memoryLog, position eventstore.Position) *kgo.Record {
	tails := make([]eventstore.Position, partitions)
	for _, e := range l.events[:position] {
		tails[e.Partition] = e.Position
	}
	chain, _ := l.LinkAt(context.Background(), position)
	return kafka.CheckpointRecord(f.service, kafka.Checkpoint{Position: position, Tails: tails, Chain: chain})
}

func TestHealsTornTransaction(t *testing.T) {
	t.Parallel()
	log := newLog(80)
	upTo40 := func(e eventstore.Recorded) bool { return e.Position <= 40 }
	second := func(keep bool) func(eventstore.Recorded) bool {
		return func(e eventstore.Recorded) bool { return e.Position > 40 && (e.Partition == 2) == keep }
	}
	type torn func(f *fixture) []*kgo.Record
	for name, write := range map[string]torn{
		"checkpoint and all but one partition": func(f *fixture) []*kgo.Record {
			return append(f.recordsOf(log, second(false)), f.checkpointAt(log, 80))
		},
		"checkpoint and one partition": func(f *fixture) []*kgo.Record {
			return append(f.recordsOf(log, second(true)), f.checkpointAt(log, 80))
		},
		"only the checkpoint":   func(f *fixture) []*kgo.Record { return []*kgo.Record{f.checkpointAt(log, 80)} },
		"one partition":         func(f *fixture) []*kgo.Record { return f.recordsOf(log, second(true)) },
		"all but one partition": func(f *fixture) []*kgo.Record { return f.recordsOf(log, second(false)) },
		"all but the checkpoint": func(f *fixture) []*kgo.Record {
			return f.recordsOf(log, func(e eventstore.Recorded) bool { return !upTo40(e) })
		},
		"nothing": func(*fixture) []*kgo.Record { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			f.transact(t, kgo.TryCommit, append(f.recordsOf(log, upTo40), f.checkpointAt(log, 40))...)
			if torn := write(f); len(torn) > 0 {
				f.transact(t, kgo.TryCommit, torn...)
			}
			f.transact(t, kgo.TryAbort, f.recordsOf(log, upTo40)...) // aborted leftovers at every end
			r, _ := f.start(t, f.config(log, newLease(100)))
			f.awaitPublished(t, r, 80)
			f.await(t, "the checkpoint", func() bool {
				c, _, err := kafka.LastCheckpoint(f.ctx, f.client, f.service)
				return err == nil && c.Position == 80
			})
			f.checkExact(t, log, 0)
		})
	}
}

func TestForeignRecordsAreNoTail(t *testing.T) {
	t.Parallel()
	f := setup(t)
	log := newLog(40)
	f.transact(t, kgo.TryCommit, append(f.recordsOf(log, func(eventstore.Recorded) bool { return true }), f.checkpointAt(log, 40))...)
	for p := range int32(partitions) {
		f.transact(t, kgo.TryCommit, &kgo.Record{Topic: f.topic(), Partition: p, Value: []byte("hello")})
	}
	log.append(10)
	r, _ := f.start(t, f.config(log, newLease(100)))
	f.awaitPublished(t, r, 50)
	tails, err := kafka.ReadTails(f.ctx, f.client, f.topic(), func(*kgo.Record) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	var records int64
	for _, tail := range tails {
		if tail.Last != nil {
			records += tail.End
		}
	}
	events := 0
	_, err = kafka.ReadTails(f.ctx, f.client, f.topic(), func(r *kgo.Record) bool {
		if _, e, err := kafka.Parse(r); err == nil && e.Position > 40 {
			events++
		}
		return false
	})
	if err != nil || events != 10 {
		t.Errorf("%d new events, %v", events, err)
	}
}

func TestStopsOnAnotherHistory(t *testing.T) {
	t.Parallel()
	short, long := newLog(30), newLog(40)
	for name, c := range map[string]struct {
		published *memoryLog
		upTo      eventstore.Position
		now       *memoryLog
	}{
		"head behind the checkpoint": {long, 40, short},
		"other events":               {long, 20, restoredAt(long, 10)},
		"other events, same places":  {long, 40, rewritten(long, 30)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			f.transact(t, kgo.TryCommit, append(f.recordsOf(c.published, func(e eventstore.Recorded) bool { return e.Position <= c.upTo }), f.checkpointAt(c.published, c.upTo))...)
			r, err := relay.New(f.config(c.now, newLease(1)))
			if err != nil {
				t.Fatal(err)
			}
			before := f.published(t)
			var history *relay.HistoryError
			if err := r.Run(f.ctx); !errors.As(err, &history) {
				t.Fatalf("Run: %v", err)
			}
			if !reflect.DeepEqual(f.published(t), before) {
				t.Error("something of the other history was published")
			}
			if !errors.As(r.Status().Err(), &history) {
				t.Errorf("status: %v", r.Status().Err())
			}
		})
	}
}

// rewritten is a log with other events after the first n, each in the place of the one that was there.
func rewritten(other *memoryLog, n int) *memoryLog {
	l := newLog(0)
	for i, e := range other.events {
		if i >= n {
			e.ID = eventstore.NewID()
		}
		l.events = append(l.events, e)
	}
	l.append(10)
	return l
}

// restoredAt is a log that has the first n events of another, and then its own.
func restoredAt(other *memoryLog, n int) *memoryLog {
	l := newLog(0)
	for _, e := range other.events[:n] {
		l.events = append(l.events, e)
		l.tails[e.Partition] = e.Position
	}
	// Other orders were placed, so the partitions got their events in another order.
	for position := eventstore.Position(n + 1); position <= 100; position++ {
		e := other.events[0]
		e.Position, e.Partition = position, int32(position%partitions)
		e.Prev, l.tails[e.Partition] = l.tails[e.Partition], position
		e.Stream = streamIn(e.Partition)
		l.events = append(l.events, e)
	}
	return l
}

func streamIn(partition int32) eventstore.StreamID {
	for i := 0; ; i++ {
		if id := eventstore.StreamID(fmt.Sprint("order-", i)); eventstore.PartitionOf(id.Key(), partitions) == partition {
			return id
		}
	}
}

func TestRefusesAnotherNumberOfPartitions(t *testing.T) {
	t.Parallel()
	f := setup(t)
	c := f.config(newLog(1), newLease(1))
	c.Partitions = partitions + 1
	r, err := relay.New(c)
	if err != nil {
		t.Fatal(err)
	}
	var count *kafka.PartitionCountError
	if err := r.Run(f.ctx); !errors.As(err, &count) || count.Want != partitions+1 {
		t.Errorf("Run: %v", err)
	}
}

func TestStartAtWithoutCheckpoint(t *testing.T) {
	t.Parallel()
	f := setup(t)
	log := newLog(100)
	c := f.config(log, newLease(1))
	c.StartAt = func(context.Context) (eventstore.Position, error) { return 100, nil }
	_, stop := f.start(t, c)
	// A checkpoint comes at once, so that those who wait for a position need not wait for another event.
	f.await(t, "the first checkpoint", func() bool {
		checkpoint, found, err := kafka.LastCheckpoint(f.ctx, f.client, f.service)
		return err == nil && found && checkpoint.Position == 100
	})
	_ = stop()
	log.append(20)
	c.StartAt = func(context.Context) (eventstore.Position, error) {
		return 0, errors.New("asked in spite of a checkpoint")
	}
	c.Lease = newLease(1)
	r, _ := f.start(t, c)
	f.awaitPublished(t, r, 120)
	count := 0
	for _, events := range f.published(t) {
		for _, e := range events {
			count++
			if e.Position <= 100 {
				t.Errorf("event %d was published", e.Position)
			}
		}
	}
	if count != 20 {
		t.Errorf("%d events", count)
	}
}

func TestWaitsForTopicsAndBrokers(t *testing.T) {
	t.Parallel()
	f := setupFake(t)
	if err := f.cluster.DeleteTopic("orders.relay"); err != nil {
		t.Fatal(err)
	}
	log := newLog(10)
	l := newLease(100)
	r, _ := f.start(t, f.config(log, l))
	<-l.asked
	<-l.asked
	if err := kafka.EnsureTopics(f.ctx, f.client, kafka.RelayTopicSpec("orders", 1)); err != nil {
		t.Fatal(err)
	}
	f.awaitPublished(t, r, 10)
	for _, key := range []kmsg.Key{kmsg.Produce, kmsg.EndTxn} {
		h := f.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{key}})
		log.append(100)
		if err := h.Wait(f.ctx, 1); err != nil {
			t.Fatal(err)
		}
	}
	f.awaitPublished(t, r, 210)
	f.checkExact(t, log, 0)
}

// Told to stop while a commit is on its way, the relay waits for it.
func TestStopFinishesTheBatchInHand(t *testing.T) {
	t.Parallel()
	f := setup(t)
	log := newLog(10)
	atCommit, goOn := make(chan struct{}), make(chan struct{})
	n := &network{on: func(key kmsg.Key) action {
		if key == kmsg.EndTxn {
			close(atCommit)
			<-goOn
		}
		return pass
	}}
	l := newLease(1)
	c := f.config(log, l)
	c.Options = []kgo.Opt{kgo.Dialer(n.dial)}
	_, stop := f.start(t, c)
	<-atCommit
	stopped := make(chan error)
	go func() { stopped <- stop() }()
	select {
	case <-l.released:
		t.Error("gave the lease up while its commit was on its way")
	case <-time.After(20 * time.Millisecond):
	}
	close(goOn)
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	<-l.released
	f.checkExact(t, log, 0)
}
