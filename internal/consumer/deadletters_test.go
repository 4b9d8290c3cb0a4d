package consumer_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/consumer"
	"github.com/ordo-platform/ordo/internal/kafka"
)

// poison is a handler's refusal of certain positions, until healed.
type poison struct {
	mu    sync.Mutex
	fails map[eventstore.Position]func() error
}

func newPoison(fail func() error, positions ...eventstore.Position) *poison {
	p := &poison{fails: map[eventstore.Position]func() error{}}
	for _, position := range positions {
		p.fails[position] = fail
	}
	return p
}

func (p *poison) heal(positions ...eventstore.Position) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, position := range positions {
		delete(p.fails, position)
	}
}

func (p *poison) handler() handler {
	return handler{before: func(_ context.Context, _ pgx.Tx, events []eventstore.Recorded) error {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, e := range events {
			if fail := p.fails[e.Position]; fail != nil {
				return fail()
			}
		}
		return nil
	}}
}

func refuse() error { return errors.New(`no stock of "MUG-1" for order 0198c7a2-1`) }

func (f *fixture) letters(t *testing.T, of consumer.Selection) []consumer.DeadLetter {
	t.Helper()
	letters, err := consumer.NewDeadLetters(f.pool).Letters(f.ctx, of, 1000)
	if err != nil {
		t.Fatal(err)
	}
	return letters
}

func (f *fixture) awaitParked(t *testing.T, n int) {
	t.Helper()
	f.await(t, "parked events", func() bool { return f.count(t, "SELECT count(*) FROM parked_events WHERE status = 'parked'") == n })
}

func (f *fixture) count(t *testing.T, query string) (n int) {
	t.Helper()
	if err := f.pool.QueryRow(f.ctx, query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// checkSums fails the test unless what was consumed adds up, and each parked event has its row.
func (f *fixture) checkSums(t *testing.T) {
	t.Helper()
	var consumed, applied, skipped, parked, rows int
	err := f.pool.QueryRow(f.ctx, `SELECT sum(consumed), sum(applied), sum(skipped), sum(parked), (SELECT count(*) FROM parked_events) FROM checkpoints`).
		Scan(&consumed, &applied, &skipped, &parked, &rows)
	if err != nil {
		t.Fatal(err)
	}
	redriven := f.count(t, "SELECT count(*) FROM parked_events WHERE status = 'applied'")
	if consumed != applied+skipped+parked || parked != rows || applied+redriven != len(f.applied(t)) {
		t.Errorf("%d consumed = %d applied + %d skipped + %d parked; %d dead letters, %d redriven, %d in the table",
			consumed, applied, skipped, parked, rows, redriven, len(f.applied(t)))
	}
}

// One event of a key fails: the key is parked with all that follows, also across a restart; its neighbours in the same
// partition go on. A redrive then applies the sequence in order, before what comes later.
func TestPoisonKeyIsParkedInOrder(t *testing.T) {
	t.Parallel()
	for what, fail := range map[string]func() error{
		"error":      refuse,
		"panic":      func() error { panic("no such luck") },
		"constraint": func() error { return &pgconn.PgError{Code: "23505", Message: "twice"} },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			bad := newPoison(fail, 3)
			_, stop := f.start(t, f.config(bad.handler()))
			f.publish(t,
				f.appendTo("order-a", 1, 1), f.appendTo("order-b", 1, 1), f.appendTo("order-a", 2, 1),
				f.appendTo("order-b", 2, 1), f.appendTo("order-a", 3, 1), f.appendTo("order-b", 3, 1))
			f.awaitApplied(t, 4)
			f.awaitParked(t, 2)
			f.publish(t, f.appendTo("order-a", 4, 1), f.appendTo("order-b", 4, 1))
			f.awaitApplied(t, 5)
			stop()
			f.publish(t, f.appendTo("order-a", 5, 1), f.appendTo("order-b", 5, 1))
			member, _ := f.start(t, f.config(bad.handler()))
			f.awaitApplied(t, 6)
			f.awaitParked(t, 4)
			if got, want := f.applied(t), []eventstore.Position{1, 2, 4, 6, 8, 10}; !slices.Equal(got, want) {
				t.Errorf("applied %v, want %v", got, want)
			}
			letters := f.letters(t, consumer.Selection{Key: "a"})
			for i, l := range letters {
				if want := []int64{3, 5, 7, 9}[i]; l.Position != want || l.Fingerprint != letters[0].Fingerprint || (l.Follows == 0) != (i == 0) {
					t.Errorf("letter %d: %+v", i, l)
				}
			}
			if l := letters[0]; l.Attempts != consumer.DefaultMaxAttempts || l.FirstFailedAt == nil || !l.LastFailedAt.After(*l.FirstFailedAt) || l.Error == "" || l.Offset != 2 {
				t.Errorf("cause %+v", l)
			}
			if err := member.Status().Err(); err != nil {
				t.Errorf("status: %v", err) // a dead letter is no reason to send traffic elsewhere
			}
			f.checkSums(t)

			bad.heal(3)
			dead := consumer.NewDeadLetters(f.pool)
			if _, err := dead.Redrive(f.ctx, consumer.Selection{Key: "a"}, "", 0); err == nil {
				t.Error("a redrive without a reason")
			}
			for range 2 { // asking twice is asking once
				if n, err := dead.Redrive(f.ctx, consumer.Selection{Key: "a"}, "fixed", 0); err != nil && !errors.Is(err, consumer.ErrAlreadyApplied) {
					t.Fatal(n, err)
				}
			}
			f.awaitParked(t, 0)
			f.publish(t, f.appendTo("order-a", 6, 1))
			f.awaitApplied(t, 11)
			if got, want := f.applied(t), []eventstore.Position{1, 2, 4, 6, 8, 10, 3, 5, 7, 9, 11}; !slices.Equal(got, want) {
				t.Errorf("applied %v, want %v", got, want)
			}
			if _, err := dead.Redrive(f.ctx, consumer.Selection{Key: "a"}, "again", 0); !errors.Is(err, consumer.ErrAlreadyApplied) {
				t.Errorf("second redrive: %v", err)
			}
			if n := f.count(t, "SELECT count(*) FROM parked_events WHERE reason = 'fixed' AND resolved_at IS NOT NULL"); n != 4 {
				t.Errorf("%d letters say why they were redriven", n)
			}
			f.checkSums(t)
		})
	}
}

// The database kills the connection in the middle of parking, and once more after the row was written: nothing is parked
// twice, lost, or parked without its checkpoint.
func TestKilledWhileParking(t *testing.T) {
	t.Parallel()
	f := setup(t)
	_, err := f.pool.Exec(f.ctx, `
		CREATE SEQUENCE kills;
		CREATE FUNCTION kill() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN
			IF nextval('kills') <= 4 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;
			RETURN NULL;
		END $$;
		CREATE TRIGGER kill_before AFTER INSERT ON parked_keys FOR EACH ROW EXECUTE FUNCTION kill();
		CREATE CONSTRAINT TRIGGER kill_at_commit AFTER INSERT ON parked_events DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION kill();`)
	if err != nil {
		t.Fatal(err)
	}
	bad := newPoison(refuse, 2)
	c := f.config(bad.handler())
	c.MaxAttempts, c.MaxBackoff = 2, 20*time.Millisecond
	f.start(t, c)
	f.publish(t, f.appendTo("order-a", 1, 1), f.appendTo("order-a", 2, 1), f.appendTo("order-a", 3, 1), f.appendTo("order-b", 1, 1))
	f.awaitApplied(t, 2)
	f.awaitParked(t, 2)
	if n := f.count(t, "SELECT last_value FROM kills"); n <= 4 {
		t.Errorf("only %d of 4 kills", n)
	}
	if got := f.applied(t); !slices.Equal(got, []eventstore.Position{1, 4}) {
		t.Errorf("applied %v", got)
	}
	f.checkSums(t)
}

// A dependency that is down is nobody's poison: the partition waits, however long, and then all is applied.
func TestOutageParksNothing(t *testing.T) {
	t.Parallel()
	for what, failure := range map[string]error{
		"server":  &pgconn.PgError{Code: "57P01", Message: "terminating connection"},
		"table":   &pgconn.PgError{Code: "42P01", Message: "relation is missing"},
		"timeout": context.DeadlineExceeded, // as long as nothing else is applied either
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			var down atomic.Bool
			down.Store(true)
			c := f.config(handler{before: func(context.Context, pgx.Tx, []eventstore.Recorded) error {
				if down.Load() {
					return failure
				}
				return nil
			}})
			c.MaxAttempts, c.MaxBackoff = 2, 5*time.Millisecond
			member, _ := f.start(t, c)
			f.publish(t, f.append(40)...)
			f.await(t, "many attempts", func() bool { return in(member, 1).Attempts > 10 })
			down.Store(false)
			f.awaitApplied(t, 40)
			f.checkExact(t)
			f.checkSums(t)
		})
	}
}

// An event that runs into a timeout while others are applied is at fault itself.
func TestTimeoutOfOneEventIsParked(t *testing.T) {
	t.Parallel()
	f := setup(t)
	bad := newPoison(func() error { return context.DeadlineExceeded }, 2)
	c := f.config(bad.handler())
	c.MaxBackoff = 10 * time.Millisecond
	member, _ := f.start(t, c)
	f.append(2)
	f.publish(t, f.log[1])
	f.await(t, "many attempts", func() bool { return in(member, 2).Attempts > 10 })
	f.publish(t, f.log[0]) // the other partitions get something to do
	f.awaitApplied(t, 1)
	f.awaitParked(t, 1)
	if l := f.letters(t, consumer.Selection{}); l[0].Class != "timeout" || l[0].Position != 2 {
		t.Errorf("letter %+v", l[0])
	}
}

// When every event fails, it is not the events: after some keys in a row nothing more is parked, and all goes on when it
// heals.
func TestHandlerThatAlwaysFailsDoesNotBurnEverything(t *testing.T) {
	t.Parallel()
	f := setup(t)
	var broken atomic.Bool
	broken.Store(true)
	c := f.config(handler{before: func(context.Context, pgx.Tx, []eventstore.Recorded) error {
		if broken.Load() {
			return refuse()
		}
		return nil
	}})
	c.MaxAttempts, c.MaxBackoff = 2, 5*time.Millisecond
	member, _ := f.start(t, c)
	events := make([]eventstore.Recorded, 30)
	for i := range events {
		events[i] = f.appendTo(eventstore.StreamID("order-"+strings.Repeat("x", i+1)), 1, 1)
	}
	f.publish(t, events...)
	f.await(t, "many attempts", func() bool { return in(member, 1).Attempts > 20 })
	if n := f.count(t, "SELECT count(*) FROM parked_events"); n != 10 {
		t.Errorf("%d parked, want 10", n)
	}
	broken.Store(false)
	f.awaitApplied(t, 20)
	if _, err := consumer.NewDeadLetters(f.pool).Redrive(f.ctx, consumer.Selection{Consumer: f.name}, "healed", 1000); err != nil {
		t.Fatal(err)
	}
	f.awaitApplied(t, 30)
	f.awaitParked(t, 0)
	f.checkSums(t)
}

// Whatever else is on the topic is parked with its bytes, moves no position and hides no event of ours.
func TestStrangersRecordsAreParked(t *testing.T) {
	t.Parallel()
	f := setup(t)
	undecodable := errors.New("not JSON")
	c := f.withLog(f.config(handler{before: func(_ context.Context, _ pgx.Tx, events []eventstore.Recorded) error {
		for _, e := range events {
			if e.Data[0] != '{' {
				return undecodable
			}
		}
		return nil
	}}))
	c.Judge = func(err error) (consumer.Verdict, bool) {
		return consumer.Verdict{Class: "undecodable", Action: consumer.Park}, errors.Is(err, undecodable)
	}
	first := f.appendTo("order-a", 1, 1)
	ours := f.appendTo("order-a", 2, 1)
	late := f.appendTo("order-a", 3, 1)
	broken := kafka.Record(f.service, ours)
	broken.Headers = broken.Headers[1:]
	forged := ours // has the place of an event of ours, and garbage in it
	forged.ID, forged.Data = eventstore.NewID(), []byte{0xff, 0, 'x'}
	ahead := ours // claims to be far ahead
	ahead.ID, ahead.Position, ahead.Prev = eventstore.NewID(), 900, 899
	huge := &kgo.Record{
		Topic: f.topic(), Partition: 1, Key: bytes.Repeat([]byte("k"), 4<<10), Value: bytes.Repeat([]byte{0}, 600<<10),
		Headers: []kgo.RecordHeader{{Key: "bin\x00\xff", Value: bytes.Repeat([]byte{1}, 100<<10)}, {Key: "x", Value: []byte{2}}},
	}
	f.write(t,
		&kgo.Record{Topic: f.topic(), Partition: 1, Value: []byte("hello")}, huge,
		kafka.Record(f.service, first), broken, kafka.Record(f.service, forged), kafka.Record(f.service, ahead),
		kafka.Record(f.service, late), // reordered: reveals that ours is missing
		kafka.Record(f.service, ours), kafka.Record(f.service, first), &kgo.Record{Topic: f.topic(), Partition: 1, Key: []byte("a")})
	member, _ := f.start(t, c)
	f.awaitApplied(t, 3)
	f.awaitParked(t, 6)
	f.await(t, "the rest", func() bool { return in(member, 1).Skipped > 0 })
	if got := f.applied(t); !slices.Equal(got, []eventstore.Position{1, 2, 3}) {
		t.Errorf("applied %v", got)
	}
	classes := map[string]int{}
	for _, l := range f.letters(t, consumer.Selection{}) {
		classes[l.Class]++
		if len(l.Value) > eventstore.MaxEventBytes || l.Truncated != (len(l.Value) == eventstore.MaxEventBytes) || l.Position != 0 || l.Key != "" {
			t.Errorf("letter %+v of %d bytes", l, len(l.Value))
		}
		if l.Class == "undecodable" && !bytes.Equal(l.Value, forged.Data) {
			t.Errorf("its bytes are %q", l.Value)
		}
	}
	if classes["bad_envelope"] != 4 || classes["undecodable"] != 1 || classes["foreign"] != 1 {
		t.Errorf("classes %v", classes)
	}
	if err := member.Status().Err(); err != nil {
		t.Error(err)
	}
	f.checkSums(t)
	dead := consumer.NewDeadLetters(f.pool)
	if _, err := dead.Redrive(f.ctx, consumer.Selection{}, "try", 0); !errors.Is(err, consumer.ErrNotAnEvent) {
		t.Errorf("redrive of junk: %v", err)
	}
	if _, err := dead.Discard(f.ctx, consumer.Selection{}, "spam", false); err != nil {
		t.Error(err)
	}
	f.awaitParked(t, 0)
	if _, err := dead.Discard(f.ctx, consumer.Selection{}, "spam", false); !errors.Is(err, consumer.ErrDiscarded) {
		t.Errorf("second discard: %v", err)
	}
}

// An event that no program version of ours knows stops its partition, however often it is tried; what was before it is applied.
func TestUnsupportedEventStopsItsPartition(t *testing.T) {
	t.Parallel()
	f := setup(t)
	unsupported := errors.New("unknown type")
	bad := newPoison(func() error { return unsupported }, 9)
	c := f.config(bad.handler())
	c.Judge = func(err error) (consumer.Verdict, bool) {
		return consumer.Verdict{Class: "unsupported_event", Action: consumer.Stop}, errors.Is(err, unsupported)
	}
	member, stop := f.start(t, c)
	f.publish(t, f.append(20)...)
	f.awaitApplied(t, 17)
	f.await(t, "the alarm", func() bool {
		return errors.Is(in(member, 1).Stopped, unsupported) && errors.Is(member.Status().Err(), unsupported)
	})
	f.checkExact(t, 9, 13, 17)
	stop()
	bad.heal(9) // a newer program
	f.start(t, c)
	f.awaitApplied(t, 20)
	f.checkExact(t)
	f.checkSums(t)
}

// A redrive that fails leaves the rest parked in order behind the event that failed now; a discard gives up one event or all.
func TestRedriveThatFailsAndDiscard(t *testing.T) {
	t.Parallel()
	f := setup(t)
	bad := newPoison(refuse, 1, 3)
	c := f.config(bad.handler())
	c.MaxAttempts = 1
	f.start(t, c)
	f.publish(t, f.appendTo("order-a", 1, 1), f.appendTo("order-a", 2, 1), f.appendTo("order-a", 3, 1), f.appendTo("order-a", 4, 1), f.appendTo("order-b", 1, 1))
	f.awaitParked(t, 4)
	dead := consumer.NewDeadLetters(f.pool)
	bad.heal(1)
	groups, err := dead.Groups(f.ctx, "")
	if err != nil || len(groups) != 1 || groups[0].Failed != 1 || groups[0].Waiting != 3 || groups[0].Keys != 1 {
		t.Fatalf("groups %+v %v", groups, err)
	}
	if _, err := dead.Redrive(f.ctx, consumer.Selection{Fingerprint: groups[0].Fingerprint}, "half fixed", 0); err != nil {
		t.Fatal(err)
	}
	f.awaitParked(t, 2)
	f.await(t, "the end of the redrive", func() bool {
		n, err := dead.Count(f.ctx, consumer.Selection{Key: "a"})
		return err == nil && n.Requested == 0
	})
	if l := f.letters(t, consumer.Selection{Key: "a"}); l[2].Follows != 0 || l[2].Redrives != 1 || l[3].Follows != 3 || l[0].Redrives != 1 {
		t.Errorf("letters %+v", l)
	}
	if _, err := dead.Discard(f.ctx, consumer.Selection{Key: "a"}, "cannot be", false); err != nil {
		t.Fatal(err)
	}
	f.awaitParked(t, 1)
	f.publish(t, f.appendTo("order-a", 5, 1))
	f.awaitParked(t, 2)
	if _, err := dead.Redrive(f.ctx, consumer.Selection{Key: "a"}, "the rest", 0); err != nil {
		t.Fatal(err)
	}
	f.awaitParked(t, 0)
	if got := f.applied(t); !slices.Equal(got, []eventstore.Position{5, 1, 2, 4, 6}) {
		t.Errorf("applied %v", got)
	}
	if n := f.count(t, "SELECT count(*) FROM parked_events WHERE status = 'discarded' AND reason = 'cannot be' AND position = 3"); n != 1 {
		t.Error("the discard left no record")
	}
	if _, err := dead.Redrive(f.ctx, consumer.Selection{Key: "nobody"}, "x", 0); !errors.Is(err, consumer.ErrNotParked) {
		t.Errorf("redrive of nothing: %v", err)
	}
	f.checkSums(t)
}
