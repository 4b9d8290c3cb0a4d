package postgres_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
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
	return tag.RowsAffected() == 1
}

func TestBackendsAreTerminatedUnderLoad(t *testing.T) {
	t.Parallel()
	store, pool := setup(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	j, writers := load(ctx, t, store, 16)
	for kills := 0; kills < 20; {
		<-j.acked // it works again
		if terminateWriter(t, pool) {
			kills++
		}
	}
	<-j.acked
	cancel()
	writers.Wait()
	j.check(t, readAll(t, store))
}

// The server is killed and comes back: callers get errors meanwhile, the writer finds its way back by itself.
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
	}
	<-j.acked
	cancel()
	writers.Wait()
	j.check(t, readAll(t, store))
}

// faultyConn breaks once it is armed: before the server gets what stores a group, or before the client hears of its COMMIT.
type faultyConn struct {
	net.Conn
	fault *atomic.Int32
}

const (
	noFault int32 = iota
	loseRequest
	loseReply
)

func (c *faultyConn) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(`{"n":1}`)) && c.fault.CompareAndSwap(loseRequest, noFault) {
		_ = c.Close()
		return 0, io.ErrClosedPipe
	}
	return c.Conn.Write(p)
}

func (c *faultyConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if bytes.Contains(p[:n], []byte("COMMIT\x00")) && c.fault.CompareAndSwap(loseReply, noFault) {
		_ = c.Close()
		return 0, io.ErrUnexpectedEOF
	}
	return n, err
}

// The connection breaks around the COMMIT. The store finds out what became of the group, and the caller never knows.
func TestLostCommit(t *testing.T) {
	t.Parallel()
	url := testenv.Postgres(t)
	migrated(t, url, 4)
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	var fault atomic.Int32
	dial := cfg.ConnConfig.DialFunc
	cfg.ConnConfig.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		return &faultyConn{conn, &fault}, err
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	store, err := postgres.Open(t.Context(), pool, postgres.Config{UnsafeDurability: true})
	if err != nil {
		t.Fatal(err)
	}
	stop := run(t, store)
	defer stop()
	for i, f := range []int32{noFault, loseReply, loseRequest, loseReply, noFault} {
		fault.Store(f)
		commit, err := store.Append(t.Context(), one("order-1", eventstore.Exactly(eventstore.Version(i))))
		if err != nil || int(commit.Last) != i+1 || commit.Versions[0] != eventstore.Version(i+1) {
			t.Errorf("append %d: %+v, %v", i, commit, err)
		}
		if fault.Load() != noFault {
			t.Errorf("append %d: the fault did not happen", i)
		}
	}
	wantLog(t, store, 5)
}
