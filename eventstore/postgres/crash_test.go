package postgres_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/eventstore/postgres"
	"github.com/ordo-platform/ordo/internal/testenv"
)

// journal is what a load of appends came to, kept outside the store.
type journal struct {
	mu      sync.Mutex
	stored  map[uuid.UUID]bool // acknowledged
	refused map[uuid.UUID]bool // failed, and surely not stored
	acked   chan struct{}      // a token for every acknowledgement, if somebody takes it
}

// load appends from many writers until ctx ends.
func load(ctx context.Context, t *testing.T, store *postgres.Store, writers int) (*journal, *sync.WaitGroup) {
	j := &journal{stored: map[uuid.UUID]bool{}, refused: map[uuid.UUID]bool{}, acked: make(chan struct{})}
	wg := &sync.WaitGroup{}
	for range writers {
		wg.Go(func() {
			stream := "order-" + uuid.NewString()
			for ctx.Err() == nil {
				a := one(stream, eventstore.AnyVersion)
				_, err := store.Append(context.Background(), a)
				j.note(a.Streams[0].Events[0].ID, err)
				if err != nil {
					<-time.After(10 * time.Millisecond) // a polite caller
				}
			}
		})
	}
	return j, wg
}

func (j *journal) note(id uuid.UUID, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case err == nil:
		j.stored[id] = true
		select {
		case j.acked <- struct{}{}:
		default:
		}
	case !errors.Is(err, eventstore.ErrOutcomeUnknown):
		j.refused[id] = true
	}
}

// check compares the journal with the log: nothing acknowledged is missing, nothing refused is there.
func (j *journal) check(t *testing.T, events []eventstore.Recorded) {
	t.Helper()
	missing := len(j.stored)
	for _, e := range events {
		if j.stored[e.ID] {
			missing--
		}
		if j.refused[e.ID] {
			t.Errorf("event %d was refused, but is stored", e.Position)
		}
	}
	if missing > 0 {
		t.Errorf("%d acknowledged events are lost", missing)
	}
	t.Logf("%d events, %d acknowledged, %d refused", len(events), len(j.stored), len(j.refused))
}

func readAll(t *testing.T, store *postgres.Store) []eventstore.Recorded {
	t.Helper()
	head, err := store.Head(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return wantLog(t, store, int(head))
}

// terminateWriter ends the backend of the store's writer and reports whether there was one.
func terminateWriter(t *testing.T, pool *pgxpool.Pool) bool {
	t.Helper()
	tag, err := pool.Exec(context.Background(), `
		SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE datname = current_database() AND application_name = 'ordo event writer'`)
	if err != nil {
		t.Fatal(err)
	}
	return tag.RowsAffected() > 0
}

// spy reads along, and looks again at what is below its watermark: a position that was not there when it looked before must
// never appear. It returns how often it has looked.
func spy(ctx context.Context, t *testing.T, pool *pgxpool.Pool) (looked <-chan int) {
	result := make(chan int, 1)
	go func() {
		const again = 2000 // positions: a group and more
		looks, watermark := 0, int64(0)
		for done := false; !done; looks++ {
			done = ctx.Err() != nil // this look is the last
			rows, _ := pool.Query(context.Background(), `SELECT position FROM events WHERE position > $1 ORDER BY position`, watermark-again)
			seen, err := pgx.CollectRows(rows, pgx.RowTo[int64])
			if err != nil {
				t.Errorf("the spy is blind: %v", err)
				break
			}
			for i, position := range seen {
				if want := max(watermark-again, 0) + int64(i) + 1; position != want {
					t.Errorf("watermark %d: position %d was seen where %d had to be", watermark, position, want)
					done = true
					break
				}
			}
			if len(seen) > 0 {
				watermark = max(watermark, seen[len(seen)-1])
			}
		}
		result <- looks
	}()
	return result
}

// Positions become visible in their order, and nothing acknowledged is lost, while the writer's backend is killed again and
// again under the load of 64 writers.
func TestBackendsAreTerminatedUnderLoad(t *testing.T) {
	t.Parallel()
	store, pool := setup(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	looked := spy(ctx, t, pool)
	j, writers := load(ctx, t, store, 64)
	for kills := 0; kills < 20; {
		<-j.acked // it works again
		if terminateWriter(t, pool) {
			kills++
		}
	}
	<-j.acked
	cancel()
	writers.Wait()
	if n := <-looked; n < 20 {
		t.Errorf("void: the spy has looked %d times", n)
	}
	j.check(t, readAll(t, store))
}

// The server is killed and comes back: callers get errors meanwhile, the writer finds its way back by itself. One backend that is
// killed takes all others with it: Postgres does not trust the memory that they shared.
func TestServerIsKilledUnderLoad(t *testing.T) {
	t.Parallel()
	server := testenv.DurablePostgres(t)
	pool := migrated(t, server.URL(), 8)
	store := open(t, pool, postgres.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	j, writers := load(ctx, t, store, 16)
	for range 2 {
		<-j.acked
		server.Kill()
		begin := time.Now()
		if _, err := store.Append(t.Context(), one("order-1", eventstore.NoStream)); err == nil {
			t.Error("an append was stored on a dead server")
		}
		if d := time.Since(begin); d > 5*time.Second {
			t.Errorf("a caller hung for %v while the server was down", d)
		}
		server.Restart()
		pool.Reset() // the reader's connections are not what is tested

		<-j.acked
		killWriter(t, pool)
	}
	<-j.acked
	cancel()
	writers.Wait()
	j.check(t, readAll(t, store))
}

// killWriter ends the backend of the store's writer with SIGKILL, and waits until the server has recovered from that.
func killWriter(t *testing.T, pool *pgxpool.Pool) {
	t.Helper()
	other, err := pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Release()
	var pid int
	await(t, "the writer is connected", func() bool {
		return other.QueryRow(t.Context(), `SELECT pid FROM pg_stat_activity WHERE application_name = 'ordo event writer'`).Scan(&pid) == nil
	})
	process, err := os.FindProcess(pid)
	if err == nil {
		err = process.Kill()
	}
	if err != nil {
		t.Fatal(err)
	}
	await(t, "the others are gone too", func() bool { return other.Ping(t.Context()) != nil })
	await(t, "the server is back", func() bool { return pool.Ping(t.Context()) == nil })
}

// faults breaks connections of a pool on purpose, those of stores on it included.
type faults struct {
	armed    atomic.Int32
	happened [loseReply + 1]atomic.Int32
	deaf     atomic.Bool // no new connections
}

const (
	noFault     int32 = iota
	loseRequest       // before the server gets what stores the next group
	loseReply         // before the client hears of the next COMMIT
)

func (f *faults) arm(fault int32) { f.armed.Store(fault) }

func (f *faults) fire(fault int32) bool {
	if !f.armed.CompareAndSwap(fault, noFault) {
		return false
	}
	f.happened[fault].Add(1)
	return true
}

// faultyPool is a pool on a new database with the tables of a store, and its faults.
func faultyPool(t *testing.T) (*pgxpool.Pool, *faults) {
	t.Helper()
	url := testenv.Postgres(t)
	migrated(t, url, 4)
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	f := &faults{}
	dial := cfg.ConnConfig.DialFunc
	cfg.ConnConfig.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if f.deaf.Load() {
			return nil, errors.New("the server does not answer")
		}
		conn, err := dial(ctx, network, addr)
		return &faultyConn{conn, f}, err
	}
	cfg.MaxConns = 8
	pool, err := pgxpool.NewWithConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool, f
}

type faultyConn struct {
	net.Conn
	faults *faults
}

func (c *faultyConn) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(`{"n":1}`)) && c.faults.fire(loseRequest) {
		_ = c.Close()
		return 0, io.ErrClosedPipe
	}
	return c.Conn.Write(p)
}

func (c *faultyConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if bytes.Contains(p[:n], []byte("COMMIT\x00")) && c.faults.fire(loseReply) {
		_ = c.Close()
		return 0, io.ErrUnexpectedEOF
	}
	return n, err
}

// The connection breaks around the COMMIT. The store finds out what became of the group, and the caller never knows.
func TestLostCommit(t *testing.T) {
	t.Parallel()
	pool, faults := faultyPool(t)
	store := open(t, pool, postgres.Config{UnsafeDurability: true})
	for i, f := range []int32{noFault, loseReply, loseRequest, loseReply, noFault} {
		faults.arm(f)
		commit, err := store.Append(t.Context(), one("order-1", eventstore.Exactly(eventstore.Version(i))))
		if err != nil || int(commit.Last) != i+1 || commit.Versions[0] != eventstore.Version(i+1) {
			t.Errorf("append %d: %+v, %v", i, commit, err)
		}
		if faults.armed.Load() != noFault {
			t.Errorf("append %d: the fault did not happen", i)
		}
	}
	wantLog(t, store, 5)
}

// An event that is delivered a second time is there whatever became of the group it is in. That must not be taken for the
// commit of the group when the request is lost: its neighbours would be acknowledged and nowhere.
func TestLostRequestWithADuplicate(t *testing.T) {
	t.Parallel()
	pool, faults := faultyPool(t)
	store := open(t, pool, postgres.Config{UnsafeDurability: true})
	twice := one("order-1", eventstore.NoStream)
	again := one("order-2", eventstore.NoStream)
	again.Streams[0].Events = twice.Streams[0].Events
	if _, err := store.Append(t.Context(), twice); err != nil {
		t.Fatal(err)
	}
	errs := appendTogether(t, store, pool, func() { faults.arm(loseRequest) }, again, one("order-3", eventstore.NoStream))
	if duplicate, ok := errors.AsType[*eventstore.DuplicateEventError](errs[0]); !ok || duplicate.ID != twice.Streams[0].Events[0].ID {
		t.Errorf("error %v, want a duplicate", errs[0])
	}
	if errs[1] != nil || faults.happened[loseRequest].Load() != 1 {
		t.Errorf("error %v, the request was lost %d times", errs[1], faults.happened[loseRequest].Load())
	}
	if log := wantLog(t, store, 3); len(log) == 3 && log[2].Stream != "order-3" {
		t.Errorf("the last event is of %s", log[2].Stream)
	}
}

// The connection breaks around the COMMIT, the server is out of reach after that, and then the process stops: only now is
// the outcome unknown, and said to be. Whoever tries again with the same ids finds out.
func TestOutcomeStaysUnknown(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault  int32
		stored bool
	}{"stored": {loseReply, true}, "not stored": {loseRequest, false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool, faults := faultyPool(t)
			store, err := postgres.Open(t.Context(), pool, postgres.Config{UnsafeDurability: true, DrainTimeout: time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			stop := run(t, store)
			if _, err := store.Append(t.Context(), one("order-0", eventstore.NoStream)); err != nil { // the writer is connected
				t.Fatal(err)
			}
			faults.deaf.Store(true)
			faults.arm(c.fault)
			a := one("order-1", eventstore.NoStream)
			outcome := make(chan error)
			go func() {
				_, err := store.Append(context.Background(), a)
				outcome <- err
			}()
			await(t, "the connection breaks", func() bool { return faults.happened[c.fault].Load() == 1 })
			stop()
			if err := <-outcome; !errors.Is(err, eventstore.ErrOutcomeUnknown) {
				t.Errorf("error %v, want unknown", err)
			}
			faults.deaf.Store(false)

			next := open(t, pool, postgres.Config{UnsafeDurability: true})
			_, err = next.Append(t.Context(), eventstore.Append{Streams: []eventstore.StreamAppend{
				{Stream: "order-1", Expected: eventstore.AnyVersion, Events: a.Streams[0].Events},
			}})
			if _, duplicate := errors.AsType[*eventstore.DuplicateEventError](err); duplicate != c.stored || !duplicate && err != nil {
				t.Errorf("again: %v", err)
			}
			wantLog(t, next, 2)
		})
	}
}
