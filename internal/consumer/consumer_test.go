package consumer_test

import (
	"bytes"
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
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/consumer"
	"github.com/ordo-platform/ordo/internal/postgres"
)

func TestAppliesEachEventOnce(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.publish(t, f.append(100)...)
	var commits atomic.Int32
	c := f.config(handler{before: func(ctx context.Context, _ pgx.Tx, _ []eventstore.Recorded) error {
		consumer.AfterCommit(ctx, func() { commits.Add(1) })
		return nil
	}})
	member, stop := f.start(t, c)
	f.awaitApplied(t, 100)
	for range 3 {
		f.publish(t, f.append(10)...)
	}
	f.awaitApplied(t, 130)
	f.await(t, "the status", func() bool { return in(member, 1).Events == 33 })
	if s := member.Status(); s.Err() != nil || len(s.Partitions) != partitions {
		t.Errorf("status %+v", s)
	}
	if p := in(member, 1); p.Position != 129 || p.LastSuccess.IsZero() || !p.Assigned || p.Skipped != 0 {
		t.Errorf("partition status %+v", p)
	}
	applied, err := consumer.Applied(f.ctx, f.pool, f.name, f.topic())
	if err != nil || len(applied) != partitions || applied[1] != 129 {
		t.Errorf("Applied: %v %v", applied, err)
	}
	stop()
	f.checkExact(t)
	if commits.Load() == 0 {
		t.Error("what was to come after commits did not")
	}
	lag, err := kadm.NewClient(f.client).Lag(f.ctx, f.name)
	if err != nil {
		t.Fatal(err)
	}
	if total := lag[f.name].Lag.Total(); total > partitions { // the marker behind the last record of each partition
		t.Errorf("lag tools see %d", total)
	}

	f.publish(t, f.append(10)...)
	f.start(t, f.config(handler{}))
	f.awaitApplied(t, 140)
	f.checkExact(t)
}

func TestSkipsWhatWasApplied(t *testing.T) {
	t.Parallel()
	f := setup(t)
	member, _ := f.start(t, f.config(handler{}))
	f.publish(t, f.append(20)...)
	f.awaitApplied(t, 20)
	f.publish(t, f.log[8:]...) // again
	f.publish(t, slices.Concat(f.append(20), f.log)...)
	f.awaitApplied(t, 40)
	f.await(t, "the skipped ones", func() bool {
		var skipped int64
		for _, p := range member.Status().Partitions {
			skipped += p.Skipped
		}
		return skipped == 12+40
	})
	f.checkExact(t)
	if err := member.Status().Err(); err != nil {
		t.Error(err)
	}
}

func TestHoleStopsItsPartitionOnly(t *testing.T) {
	t.Parallel()
	f := setup(t)
	member, stop := f.start(t, f.config(handler{}))
	f.publish(t, f.append(20)...)
	f.awaitApplied(t, 20)
	lost := f.append(20)[10] // event 31, of partition 3
	f.publish(t, slices.DeleteFunc(slices.Clone(f.log[20:]), func(e eventstore.Recorded) bool { return e.Position == lost.Position })...)
	f.await(t, "the alarm", func() bool { return in(member, 3).Stopped != nil })
	f.publish(t, f.append(20)...)
	f.awaitApplied(t, 60-8)
	check := func(c *consumer.Consumer) {
		t.Helper()
		hole, ok := errors.AsType[*consumer.HoleError](in(c, 3).Stopped)
		if !ok || hole.Last != 27 || hole.Prev != 31 || hole.Position != 35 || in(c, 3).Position != 27 || in(c, 3).Holes == 0 {
			t.Errorf("status of the partition: %+v", in(c, 3))
		}
		if _, ok := errors.AsType[*consumer.HoleError](c.Status().Err()); !ok {
			t.Errorf("Err: %v", c.Status().Err())
		}
	}
	check(member)
	stop()
	again, _ := f.start(t, f.config(handler{})) // the hole is still there
	f.await(t, "the alarm", func() bool { return in(again, 3).Stopped != nil })
	check(again)
	f.checkExact(t, 31, 35, 39, 43, 47, 51, 55, 59)
}

func TestFirstEventOfANewConsumerMustBeTheFirst(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.append(8)
	f.publish(t, f.log[3:]...) // partitions 1, 2 and 3 begin with their second event
	member, _ := f.start(t, f.config(handler{}))
	f.awaitApplied(t, 2)
	for _, p := range []int32{1, 2, 3} {
		f.await(t, "the alarm", func() bool { return in(member, p).Stopped != nil })
	}
	f.checkExact(t, 1, 2, 3, 5, 6, 7)
}

// A broker that has trimmed what was not read yet must not make the consumer jump.
func TestTrimmedTopicIsAHole(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.publish(t, f.append(8)...)
	_, stop := f.start(t, f.config(handler{}))
	f.awaitApplied(t, 8)
	stop()
	for range 4 {
		f.publish(t, f.append(4)...)
	}
	f.trim(t, 1, 7)
	member, _ := f.start(t, f.config(handler{}))
	f.awaitApplied(t, 24-4)
	f.await(t, "the alarm", func() bool { return in(member, 1).Holes == 1 })
	f.checkExact(t, 9, 13, 17, 21)
}

// One partition's handler fails, by error and by panic; the others go on. Then it succeeds, and nothing was lost or doubled.
func TestFailingHandlerIsAskedAgain(t *testing.T) {
	t.Parallel()
	f := setup(t)
	var healthy atomic.Bool
	var calls atomic.Int32
	config := f.config(handler{before: func(ctx context.Context, tx pgx.Tx, events []eventstore.Recorded) error {
		if healthy.Load() || !slices.ContainsFunc(events, func(e eventstore.Recorded) bool { return e.Partition == 1 }) {
			return nil
		}
		if _, err := tx.Exec(ctx, "INSERT INTO applied (partition, position) VALUES (1, 1)"); err != nil { // must be undone
			return err
		}
		if calls.Add(1)%2 == 0 {
			panic("no such luck")
		}
		return errors.New("not now")
	}})
	config.MaxAttempts, config.MaxBackoff = 1<<30, 20*time.Millisecond
	member, _ := f.start(t, config)
	for range 4 {
		f.publish(t, f.append(20)...)
	}
	f.awaitApplied(t, 60)
	f.await(t, "some attempts", func() bool { return in(member, 1).Attempts >= 4 && in(member, 1).LastError != nil })
	if p := in(member, 1); p.Position != 0 || p.Stopped != nil {
		t.Errorf("status %+v", p)
	}
	healthy.Store(true)
	f.awaitApplied(t, 80)
	f.await(t, "the status", func() bool { return in(member, 1).Attempts == 0 && in(member, 1).LastError == nil })
	f.publish(t, f.append(20)...) // it is read on
	f.awaitApplied(t, 100)
	f.checkExact(t)
}

func TestConflictsAreRetriedAtOnce(t *testing.T) {
	t.Parallel()
	for what, refusal := range map[string]error{
		"conflict":      &eventstore.ConflictError{Stream: "order-1", Actual: 2},
		"serialization": &pgconn.PgError{Code: "40001"},
		"deadlock":      &pgconn.PgError{Code: "40P01"},
		"at the commit": nil,
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			var calls atomic.Int32
			c := f.config(handler{before: func(ctx context.Context, tx pgx.Tx, _ []eventstore.Recorded) error {
				switch {
				case calls.Add(1) > 3:
					return nil
				case refusal != nil:
					return refusal
				}
				b := &pgx.Batch{}
				b.Queue("SELECT 1/0").QueryRow(func(row pgx.Row) error {
					return fmt.Errorf("%w: %w", eventstore.ErrConflict, row.Scan(nil))
				})
				return postgres.AtCommit(ctx, tx, b)
			}})
			c.MinBackoff, c.MaxBackoff = time.Hour, time.Hour
			f.publish(t, f.append(1)...)
			f.start(t, c)
			f.awaitApplied(t, 1)
			f.checkExact(t)
		})
	}
}

// Another member has taken over, applied what this one is about to apply and moved the checkpoint.
func TestZombieUndoesItsWork(t *testing.T) {
	t.Parallel()
	for _, first := range []bool{true, false} {
		f := setup(t)
		if !first {
			f.publish(t, f.append(8)...)
		}
		c := f.config(handler{})
		member, _ := f.start(t, c)
		f.await(t, "the assignment", func() bool { return len(member.Status().Partitions) == partitions })
		f.awaitApplied(t, len(f.log))
		events := f.append(8)
		tx, err := f.pool.Begin(f.ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events { // the other member's transaction is about to commit: ours waits for the row, then finds it moved
			if err := (handler{}).Handle(f.ctx, tx, []eventstore.Recorded{e}); err != nil {
				t.Fatal(err)
			}
			_, err := tx.Exec(f.ctx, `INSERT INTO checkpoints (consumer, topic, partition, version, position, next_offset, topic_id, leader_epoch, cluster_id)
				VALUES ($1, $2, $3, 1, $4, 0, gen_random_uuid(), 0, 'another') ON CONFLICT (consumer, topic, partition)
				DO UPDATE SET version = checkpoints.version + 1, position = excluded.position, cluster_id = excluded.cluster_id`, f.name, f.topic(), e.Partition, e.Position)
			if err != nil {
				t.Fatal(err)
			}
		}
		f.publish(t, events...)
		f.await(t, "our transaction to wait", func() bool {
			var waiting int
			err := f.pool.QueryRow(f.ctx, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'").Scan(&waiting)
			return err == nil && waiting > 0
		})
		if err := tx.Commit(f.ctx); err != nil {
			t.Fatal(err)
		}
		f.publish(t, f.append(8)...)
		f.awaitApplied(t, len(f.log))
		f.checkExact(t)
	}
}

// A topic made anew has other offsets. The position says where we are.
func TestTopicMadeAnew(t *testing.T) {
	t.Parallel()
	for what, running := range map[string]bool{"while it runs": true, "while it is away": false} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			member, stop := f.start(t, f.config(handler{}))
			for range 10 {
				f.publish(t, f.append(4)...)
			}
			f.awaitApplied(t, 40)
			if !running {
				stop()
			}
			f.makeTopic(t)
			f.append(20)
			for events := range slices.Chunk(f.log[12:], 4) { // from where the slowest consumer is, beyond the old offsets
				f.publish(t, events...)
			}
			if !running {
				member, _ = f.start(t, f.config(handler{}))
			}
			f.awaitApplied(t, 60)
			f.publish(t, f.append(20)...)
			f.awaitApplied(t, 80)
			f.checkExact(t)
			if p := in(member, 1); p.Skipped == 0 || member.Status().Err() != nil {
				t.Errorf("status %+v, %v", p, member.Status().Err())
			}
		})
	}
}

func TestMembersShareThePartitions(t *testing.T) {
	t.Parallel()
	f := setup(t)
	assigned := func(c *consumer.Consumer) (n int) {
		for _, p := range c.Status().Partitions {
			if p.Assigned {
				n++
			}
		}
		return n
	}
	published := make(chan struct{})
	stopPublishing := make(chan struct{})
	var once sync.Once
	t.Cleanup(func() { once.Do(func() { close(stopPublishing) }) })
	go func() { // all the while
		defer close(published)
		for {
			select {
			case <-stopPublishing:
				return
			default:
				f.publish(t, f.append(7)...)
			}
		}
	}()
	first, stopFirst := f.start(t, f.config(handler{}))
	f.awaitApplied(t, 100)
	second, _ := f.start(t, f.config(handler{}))
	f.await(t, "an even share", func() bool { return assigned(first) == 2 && assigned(second) == 2 })
	n := len(f.applied(t))
	f.awaitApplied(t, n+200)
	stopFirst()
	f.await(t, "all", func() bool { return assigned(second) == partitions })
	once.Do(func() { close(stopPublishing) })
	<-published
	f.awaitApplied(t, len(f.log))
	f.checkExact(t)
}

func TestStopFinishesOrCancelsTheBatchInHand(t *testing.T) {
	t.Parallel()
	for what, limit := range map[string]time.Duration{"finishes": time.Minute, "cancels": time.Millisecond} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			inHand, goOn := make(chan struct{}), make(chan struct{})
			c := f.config(handler{before: func(ctx context.Context, _ pgx.Tx, _ []eventstore.Recorded) error {
				close(inHand)
				select {
				case <-ctx.Done():
					return ctx.Err()
				case <-goOn:
					return nil
				}
			}})
			c.StopTimeout = limit
			f.publish(t, f.append(1)...)
			_, stop := f.start(t, c)
			<-inHand
			stopped := make(chan struct{})
			go func() { defer close(stopped); stop() }()
			if what == "finishes" {
				select {
				case <-stopped:
					t.Error("stopped with a batch in hand")
				case <-time.After(20 * time.Millisecond):
				}
				close(goOn)
			}
			<-stopped
			if got := len(f.applied(t)) == 1; got != (what == "finishes") {
				t.Errorf("applied: %v", got)
			}
		})
	}
}

// The connection breaks after the database has committed and before it could say so.
func TestCommitReplyLost(t *testing.T) {
	t.Parallel()
	for what, with := range map[string]consumer.Handler{"plain": handler{}, "with statements put off": lateHandler{}} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			cfg, err := pgxpool.ParseConfig(f.url)
			if err != nil {
				t.Fatal(err)
			}
			cfg.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec // so that COMMIT can be read on the wire
			var commits atomic.Int32
			cfg.ConnConfig.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
				conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
				return commitCutter{conn, &commits}, err
			}
			pool, err := pgxpool.NewWithConfig(f.ctx, cfg)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(pool.Close)
			c := f.config(handler{})
			c.Pool, c.Handler = pool, with
			_, stop := f.start(t, c)
			for range 5 {
				f.publish(t, f.append(20)...)
				f.awaitApplied(t, len(f.log))
			}
			f.checkExact(t)
			if commits.Load() < 3 {
				t.Errorf("only %d commits were seen", commits.Load())
			}
			stop()
		})
	}
}

// lateHandler does what handler does, when the transaction is committed.
type lateHandler struct{}

func (lateHandler) Handle(ctx context.Context, tx pgx.Tx, events []eventstore.Recorded) error {
	b := &pgx.Batch{}
	for _, e := range events {
		b.Queue("INSERT INTO applied (partition, position) VALUES ($1, $2)", e.Partition, e.Position)
	}
	return postgres.AtCommit(ctx, tx, b)
}

// commitCutter loses the reply to every third commit.
type commitCutter struct {
	net.Conn
	commits *atomic.Int32
}

func (c commitCutter) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	if err == nil && bytes.Contains(bytes.ToLower(b), []byte("commit\x00")) && c.commits.Add(1)%3 == 0 {
		_, err = c.Conn.Read(make([]byte, 1)) // the database has answered
		return n, errors.Join(err, c.Conn.Close())
	}
	return n, err
}

func TestWaitsForTopic(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.deleteTopic(t, f.topic())
	f.writer.Close()
	f.writer = nil
	member, _ := f.start(t, f.config(handler{}))
	f.await(t, "an attempt", func() bool { return member.Status().Err() != nil })
	f.makeTopic(t)
	f.publish(t, f.append(10)...)
	f.awaitApplied(t, 10)
	f.checkExact(t)
}
