package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/failpoint"
)

const (
	// groupTimeout bounds one group commit. It is longer than the session's lock_timeout, so that an answer of the server
	// comes before the connection is given up.
	groupTimeout = 10 * time.Second

	// resolveTimeout bounds the search for the outcome of a commit whose answer was lost.
	resolveTimeout = 10 * time.Second

	minReconnectDelay = 50 * time.Millisecond
	maxReconnectDelay = 2 * time.Second
)

// writerSession is set on the writer's connection.
const writerSession = `
SET application_name = 'ordo event writer';
SET lock_timeout = '5s'; -- someone keeps the head: callers get an error, not a hang
SET idle_in_transaction_session_timeout = '10s'; -- we are gone in the middle of a group: the head becomes free
SET plan_cache_mode = force_generic_plan; -- the statements are always the same lookups
SET enable_seqscan = off; -- also while a table is small and a plan made for it may be kept
SET jit = off`

// writer commits appends in groups. All its fields but started are only touched by run.
type writer struct {
	store   *Store
	started atomic.Bool

	conn *pgx.Conn // nil: to be opened

	// After a connection could not be opened, none is tried before retryAt; until then groups fail with connectErr.
	connectErr error
	retryAt    time.Time
	delay      time.Duration
}

func (w *writer) init(s *Store) { w.store = s }

// Run is the writer behind [Store.Append]: it commits groups of appends until ctx ends. Then it refuses new appends, goes
// on until those accepted are committed, but no longer than Config.DrainTimeout, and returns nil. It runs once per store.
//
// The writer has a connection of its own, beside the pool. When that breaks, appends fail until another can be opened.
func (s *Store) Run(ctx context.Context) error {
	if s.writer.started.Swap(true) {
		return errors.New("event store: Run was called twice")
	}
	// A caller's hang-up, or the end of ctx, must not reach a COMMIT.
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		s.queue.close()
		select {
		case <-time.After(s.config.DrainTimeout):
			cancel()
		case <-work.Done():
		}
	})()
	s.writer.run(ctx, work)
	return nil
}

// run commits group after group. While one commits, the next collects in the queue; a lone append on an idle store is a
// group of one at once.
func (w *writer) run(ctx, work context.Context) {
	defer w.disconnect()
	queue := &w.store.queue
	for ctx.Err() == nil {
		select {
		case <-queue.ready:
			queue.gather()
			w.commitNext(work)
		case <-ctx.Done():
		}
	}
	queue.close() // nothing comes in behind the last look
	for work.Err() == nil && w.commitNext(work) {
	}
	for group := queue.take(); len(group) > 0; group = queue.take() {
		settleAll(group, eventstore.ErrClosed)
	}
}

// commitNext commits one group and reports whether there was any.
func (w *writer) commitNext(ctx context.Context) bool {
	group := w.store.queue.take()
	if len(group) == 0 {
		return false
	}
	_ = w.commit(ctx, group) // the callers have it
	return true
}

// commit settles every append of the group, together if it can be, else one by one. The error is that of the group as a
// whole.
func (w *writer) commit(ctx context.Context, group []*waiting) error {
	results, err := w.attempt(ctx, group, trustNew)
	if isNotNew(err) {
		results, err = w.attempt(ctx, group, lookEverythingUp)
	}
	switch {
	case err == nil:
		stored := false
		for i, one := range group {
			one.settle(results[i].commit, results[i].err)
			stored = stored || results[i].err == nil
		}
		if stored {
			w.store.Notify()
		}
	case errors.Is(err, eventstore.ErrOutcomeUnknown):
		settleAll(group, err)
	case len(group) > 1 && mayBeOneAppend(err):
		w.commitOneByOne(ctx, group)
	case ctx.Err() != nil:
		settleAll(group, eventstore.ErrClosed) // cut off by the end of the drain
	case isLockTimeout(err):
		settleAll(group, fmt.Errorf("%w: %w", eventstore.ErrBusy, err))
	default:
		settleAll(group, err)
	}
	return err
}

// commitOneByOne finds the append that spoils its group. When the server or the connection fails on the way, the rest
// need not each find that out.
func (w *writer) commitOneByOne(ctx context.Context, group []*waiting) {
	for i := range group {
		err := w.commit(ctx, group[i:i+1])
		if err != nil && !mayBeOneAppend(err) {
			settleAll(group[i+1:], errGroupEnded)
			return
		}
	}
}

func settleAll(group []*waiting, err error) {
	for _, w := range group {
		w.settle(eventstore.Commit{}, fmt.Errorf("append %s: %w", w.streams[0].id, err))
	}
}

// result is what one append of a committed group came to.
type result struct {
	commit eventstore.Commit
	err    error
}

// attempt runs the transaction of a group. When the connection breaks, it finds out whether the group is stored, and if
// it is not, tries once more on a new connection.
func (w *writer) attempt(ctx context.Context, appends []*waiting, all lookup) ([]result, error) {
	results, err := w.tryOnce(ctx, appends, all)
	if errors.Is(err, errConnectionLost) {
		results, err = w.tryOnce(ctx, appends, all)
	}
	return results, err
}

// errGroupEnded is told to those whose turn did not come.
var errGroupEnded = errors.New("an append of the same group met a failing server; nothing was stored")

// errConnectionLost says that the connection broke and that nothing is stored.
var errConnectionLost = errors.New("connection to the database was lost")

func (w *writer) tryOnce(work context.Context, appends []*waiting, all lookup) ([]result, error) {
	ctx, cancel := context.WithTimeout(work, groupTimeout)
	defer cancel()
	if err := w.connect(ctx); err != nil {
		return nil, err
	}
	b := &pgx.Batch{}
	b.Queue(sqlBegin)
	b.Queue(sqlLockHead)
	ps := prepareds(appends)
	g := newGroup(w.store.config.Partitions, rowsOf(ps))
	if g.lookUp(b, ps, all) {
		if err := send(ctx, w.conn, b); err != nil {
			return nil, w.rollback(ctx, err)
		}
		b = &pgx.Batch{} // and otherwise all goes out as one
	}
	results := make([]result, len(ps))
	for i, p := range ps {
		results[i].commit, results[i].err = g.admit(p)
	}
	if g.empty() {
		if err := w.rollback(ctx, nil); err != nil {
			w.disconnect() // what the log looked like is known, and that is all this group needed
		}
		return results, nil
	}
	var where storedAt
	g.insert(b, &where)
	b.Queue("COMMIT")
	err := w.sendCommit(ctx, b)
	if err != nil && !w.conn.IsClosed() {
		return nil, w.rollback(ctx, err) // the server said no
	}
	if err != nil {
		found, unknown := w.resolve(work, g, &where)
		switch {
		case unknown != nil:
			// Also the appends that lost against one of the same group: whether that one is there is just what is unknown.
			return nil, fmt.Errorf("%w: %w: %w", eventstore.ErrOutcomeUnknown, err, unknown)
		case !found:
			return nil, fmt.Errorf("%w: %w", errConnectionLost, err)
		}
	}
	for i, r := range results {
		results[i] = r.at(where)
	}
	return results, nil
}

// sendCommit sends the end of a group's transaction. An error of a fail point is one of the connection.
func (w *writer) sendCommit(ctx context.Context, b *pgx.Batch) error {
	err := failpoint.Hit(failpoint.StoreBeforeCommit, "")
	if err == nil {
		if err = send(ctx, w.conn, b); err != nil {
			return err
		}
		err = failpoint.Hit(failpoint.StoreAfterCommit, "")
	}
	if err != nil {
		closeConn(w.conn)
	}
	return err
}

func prepareds(appends []*waiting) []*prepared {
	ps := make([]*prepared, len(appends))
	for i, a := range appends {
		ps[i] = a.prepared
	}
	return ps
}

func rowsOf(appends []*prepared) int {
	n := 0
	for _, p := range appends {
		n += p.rows
	}
	return n
}

// rollback ends a transaction that is known not to commit, and returns cause, as errConnectionLost if it was that.
func (w *writer) rollback(ctx context.Context, cause error) error {
	if !w.conn.IsClosed() {
		if _, err := w.conn.Exec(ctx, "ROLLBACK"); err == nil {
			return cause
		} else if cause == nil {
			cause = err
		}
	}
	w.disconnect()
	return fmt.Errorf("%w: %w", errConnectionLost, cause)
}

// resolve finds out whether a group is stored whose COMMIT got no answer, and where. The lock of the head comes first: it
// is free only when the old transaction has ended, one way or the other. Looking without it could miss a commit under way.
func (w *writer) resolve(ctx context.Context, g *group, where *storedAt) (found bool, err error) {
	w.disconnect()
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	for {
		err = w.connect(ctx)
		if err == nil {
			found, err = w.readOutcome(ctx, g, where)
		}
		if err == nil {
			return found, nil
		}
		settleAll(w.store.queue.take(), err) // those behind need not wait as well: nothing of theirs is in doubt
		select {
		case <-ctx.Done():
			return false, err
		case <-time.After(max(time.Until(w.retryAt), minReconnectDelay)):
		}
	}
}

// readOutcome looks for the commit of the group. Its rows are there together or not at all, but an event that is there may be of
// an earlier commit, if it was delivered a second time: ours is the commit whose link is that of all our events.
func (w *writer) readOutcome(ctx context.Context, g *group, where *storedAt) (found bool, err error) {
	b := &pgx.Batch{}
	b.Queue(sqlBegin)
	b.Queue(sqlLockHead)
	args := pgx.StrictNamedArgs{"event_id": g.firstEventID, "events": g.count}
	b.Queue(sqlReadOutcome, args).QueryRow(func(row pgx.Row) error {
		var first eventstore.Position
		var recordedAt time.Time
		var link, previous []byte
		err := row.Scan(&first, &recordedAt, &link, &previous)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		before, err := hashOf(previous)
		if err != nil {
			return err
		}
		ours := eventstore.LinkHash(before, first, first+eventstore.Position(g.count)-1, recordedAt, g.leaves)
		if found = bytes.Equal(link, ours[:]); found {
			*where = storedAt{head: first - 1, recordedAt: recordedAt.UTC()}
		}
		return nil
	})
	err = send(ctx, w.conn, b)
	if rollbackErr := w.rollback(ctx, err); rollbackErr != nil && err != nil {
		return false, rollbackErr
	}
	return found, nil
}

// connect opens the writer's connection if there is none. A server that cannot be reached is not asked again before a
// delay, so that callers get their error at once.
func (w *writer) connect(ctx context.Context) error {
	if w.conn != nil && !w.conn.IsClosed() {
		return nil
	}
	if time.Now().Before(w.retryAt) {
		return w.connectErr
	}
	conn, err := w.open(ctx)
	if err != nil {
		w.delay = min(max(2*w.delay, minReconnectDelay), maxReconnectDelay)
		w.connectErr, w.retryAt = fmt.Errorf("connect: %w", err), time.Now().Add(w.delay)
		return w.connectErr
	}
	w.conn, w.connectErr, w.retryAt, w.delay = conn, nil, time.Time{}, 0
	return nil
}

func (w *writer) open(ctx context.Context) (*pgx.Conn, error) {
	cfg := w.store.pool.Config()
	if cfg.BeforeConnect != nil { // may bring a fresh password
		if err := cfg.BeforeConnect(ctx, cfg.ConnConfig); err != nil {
			return nil, err
		}
	}
	// The round trips are counted on this: statements are prepared once, and a batch goes out as a whole.
	cfg.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeCacheStatement
	conn, err := pgx.ConnectConfig(ctx, cfg.ConnConfig)
	if err != nil {
		return nil, err
	}
	_, err = conn.PgConn().Exec(ctx, writerSession).ReadAll()
	if err == nil {
		err = CheckServer(ctx, conn, w.store.config.UnsafeDurability) // the server may have been restarted with other settings
	}
	if err != nil {
		closeConn(conn)
		return nil, err
	}
	return conn, nil
}

func (w *writer) disconnect() {
	if w.conn != nil {
		closeConn(w.conn)
		w.conn = nil
	}
}

// closeConn says goodbye, but does not wait for a server that does not listen.
func closeConn(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = conn.Close(ctx)
}
