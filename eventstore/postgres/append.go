package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/ordo-platform/ordo/eventstore"
)

// Append stores a together with the other appends that are waiting, see [Store.Run]. When ctx ends, only the waiting
// ends; an append that no group has taken up by then is dropped.
func (s *Store) Append(ctx context.Context, a eventstore.Append) (eventstore.Commit, error) {
	if err := ctx.Err(); err != nil {
		return eventstore.Commit{}, fmt.Errorf("append: %w", err)
	}
	p, err := prepare(a, s.config.Partitions)
	if err != nil {
		return eventstore.Commit{}, err
	}
	w := &waiting{prepared: p, done: make(chan struct{})}
	if err := s.queue.push(w); err != nil {
		return eventstore.Commit{}, err
	}
	select {
	case <-w.done:
		s.health.saw(w.err)
		return w.commit, w.err
	case <-ctx.Done():
		w.abandoned.Store(true)
		return eventstore.Commit{}, fmt.Errorf("append %s: %w", p.streams[0].id, ctx.Err())
	}
}

// AppendTx stores all appends within tx, or fails and stores none; each is checked against the log as the one before it
// leaves it. It takes the lock of the log's head, which the transaction holds until its end: call it last, right before
// the commit, and call [Store.Notify] after. After an error the transaction can only be rolled back.
//
// The transaction should be READ COMMITTED. Under a stricter level an append that came after its snapshot makes it fail
// with a serialization error, never with a wrong answer.
func (s *Store) AppendTx(ctx context.Context, tx pgx.Tx, appends ...eventstore.Append) ([]eventstore.Commit, error) {
	if len(appends) == 0 {
		return nil, nil
	}
	lock := &pgx.Batch{}
	lock.Queue(sqlLockHead)
	g, commits, err := s.checkTx(ctx, tx, lock, appends)
	if err != nil {
		return nil, err
	}
	b := &pgx.Batch{}
	var where storedAt
	g.insert(b, &where)
	if err := send(ctx, tx, b); err != nil {
		return nil, fmt.Errorf("append %s: %w", appends[0].Streams[0].Stream, err)
	}
	for i, c := range commits {
		commits[i] = result{commit: c}.at(where).commit
	}
	return commits, nil
}

// StageTx is AppendTx for those who can send the statements that store the appends together with their COMMIT: the lock of the
// log's head, for which all other writers wait, is then held for no round trip. It checks the appends without it. If another
// writer comes in between, the statements fail with [eventstore.ErrConflict], even if a stream was to be appended to whatever
// its version. They must be the last of tx, which must not stage more than once.
func (s *Store) StageTx(ctx context.Context, tx pgx.Tx, appends ...eventstore.Append) (*pgx.Batch, error) {
	b := &pgx.Batch{}
	if len(appends) == 0 {
		return b, nil
	}
	g, _, err := s.checkTx(ctx, tx, &pgx.Batch{}, appends)
	if err != nil {
		return nil, err
	}
	b.Queue(sqlLockHead)
	g.insert(b, new(storedAt))
	for _, q := range b.QueuedQueries {
		read := q.Fn
		q.Fn = func(results pgx.BatchResults) (err error) {
			if read == nil {
				_, err = results.Exec()
			} else {
				err = read(results)
			}
			if isNotNew(err) {
				return fmt.Errorf("append %s: %w: %w", appends[0].Streams[0].Stream, eventstore.ErrConflict, err)
			}
			return err
		}
	}
	return b, nil
}

// checkTx checks appends against the log as tx sees it, after what first does. Looking everything up costs little, and a second
// delivery is an ordinary event for those who append in transactions of their own. The commits have places.
func (s *Store) checkTx(ctx context.Context, tx pgx.Tx, first *pgx.Batch, appends []eventstore.Append) (*group, []eventstore.Commit, error) {
	ps := make([]*prepared, len(appends))
	for i, a := range appends {
		p, err := prepare(a, s.config.Partitions)
		if err != nil {
			return nil, nil, err
		}
		ps[i] = p
	}
	g := newGroup(s.config.Partitions, rowsOf(ps))
	g.lookUp(first, ps, lookEverythingUp)
	if err := send(ctx, tx, first); err != nil {
		return nil, nil, fmt.Errorf("append %s: %w", ps[0].streams[0].id, err)
	}
	commits := make([]eventstore.Commit, len(ps))
	for i, p := range ps {
		var err error
		if commits[i], err = g.admit(p); err != nil {
			return nil, nil, result{err: err}.at(storedAt{}).err // nothing is stored, so there is no position to tell
		}
	}
	return g, commits, nil
}

// sender is a connection or a transaction.
type sender interface {
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

func send(ctx context.Context, to sender, b *pgx.Batch) error { return to.SendBatch(ctx, b).Close() }

// lookup says what a group looks up before its rows are inserted. A stream, a key or an event id that is taken for new and
// is not fails the insert, by a unique constraint: a group that trusts its callers saves the lookups, and is tried again
// with them if it was wrong to. If it has nothing to look up at all, it even saves a round trip.
type lookup bool

const (
	trustNew         lookup = false
	lookEverythingUp lookup = true
)

// lookUp adds the statements that read what the appends are checked against, and reports whether there are any. They must
// come after lock_head, or be no more than a hint, as those of StageTx are.
func (g *group) lookUp(b *pgx.Batch, appends []*prepared, all lookup) bool {
	before := b.Len()
	g.lookUpVersions(b, appends, all)
	if b.Len() > before { // a used key must be known before any other reason to refuse
		g.lookUpReceipts(b, appends)
	}
	if all {
		g.lookUpEventIDs(b, appends)
	}
	return b.Len() > before
}

func (g *group) lookUpVersions(b *pgx.Batch, appends []*prepared, all lookup) {
	var streams []string
	asked := make(map[eventstore.StreamID]bool, len(appends))
	for _, p := range appends {
		for _, s := range p.streams {
			if !asked[s.id] && (bool(all) || s.expected != eventstore.NoStream) {
				asked[s.id] = true
				streams = append(streams, string(s.id))
			}
		}
	}
	if len(streams) == 0 {
		return
	}
	b.Queue(sqlReadVersions, pgx.StrictNamedArgs{"streams": streams}).QueryRow(func(row pgx.Row) error {
		var versions []int64
		if err := row.Scan(&versions); err != nil {
			return err
		}
		for i, v := range versions {
			g.versions[eventstore.StreamID(streams[i])] = eventstore.Version(v)
		}
		return nil
	})
}

func (g *group) lookUpReceipts(b *pgx.Batch, appends []*prepared) {
	var scopes, keys []string
	for _, p := range appends {
		if p.receipt != nil {
			scopes = append(scopes, p.receipt.Scope)
			keys = append(keys, p.receipt.Key)
		}
	}
	if len(keys) == 0 {
		return
	}
	b.Queue(sqlReadReceipts, pgx.StrictNamedArgs{"scopes": scopes, "keys": keys}).Query(func(rows pgx.Rows) error {
		found, err := pgx.CollectRows(rows, scanReceipt)
		for _, r := range found {
			g.receipts[receiptKey{r.Scope, r.Key}] = r
		}
		return err
	})
}

func (g *group) lookUpEventIDs(b *pgx.Batch, appends []*prepared) {
	var ids [][16]byte
	for _, p := range appends {
		for _, s := range p.streams {
			for _, e := range s.events {
				ids = append(ids, e.id)
			}
		}
	}
	g.ids = make(map[uuid.UUID]struct{})
	b.Queue(sqlReadEventIDs, pgx.StrictNamedArgs{"ids": ids}).Query(func(rows pgx.Rows) error {
		found, err := pgx.CollectRows(rows, pgx.RowTo[[16]byte])
		for _, id := range found {
			g.ids[id] = struct{}{}
		}
		return err
	})
}

// insert adds the statements that store the group. where is filled in when they have run.
func (g *group) insert(b *pgx.Batch, where *storedAt) {
	rows := &g.events
	b.Queue(sqlInsertEvents, pgx.StrictNamedArgs{
		"prevs":           rows.prevs,
		"ids":             rows.ids,
		"versions":        rows.versions,
		"schema_versions": rows.schemaVersions,
		"partitions":      rows.partitions,
		"streams":         rows.streams,
		"types":           rows.types,
		"data":            pgtype.FlatArray[[]byte](rows.data), // a plain [][]byte may pass for an array of arrays
		"metadata":        pgtype.FlatArray[[]byte](rows.metadata),
	}).QueryRow(where.scan)
	if len(g.newReceipts) > 0 {
		g.insertReceipts(b)
	}
	if len(g.doneTasks) > 0 {
		g.removeTasks(b)
	}
	if len(g.newTasks) > 0 {
		g.insertTasks(b)
	}
	b.Queue(sqlMoveHead, pgx.StrictNamedArgs{"events": g.count, "tails": g.tails, "leaves": g.leaves})
}

// scan reads the position of the first row of a group.
func (s *storedAt) scan(row pgx.Row) error {
	var first *eventstore.Position
	var recordedAt *time.Time
	if err := row.Scan(&first, &recordedAt); err != nil {
		return err
	}
	if first == nil {
		return errors.New("log_head has no row")
	}
	s.head, s.recordedAt = *first-1, recordedAt.UTC()
	return nil
}

func (g *group) insertReceipts(b *pgx.Batch) {
	n := len(g.newReceipts)
	places := make([]int64, n)
	scopes, keys := make([]string, n), make([]string, n)
	fingerprints, responses := make(pgtype.FlatArray[[]byte], n), make(pgtype.FlatArray[[]byte], n)
	for i, r := range g.newReceipts {
		places[i] = int64(r.Position)
		scopes[i], keys[i] = r.Scope, r.Key
		fingerprints[i], responses[i] = r.Fingerprint, r.Response
	}
	b.Queue(sqlInsertReceipt, pgx.StrictNamedArgs{
		"places": places, "scopes": scopes, "keys": keys, "fingerprints": fingerprints, "responses": responses,
	})
}

// removeTasks removes what was stored before the group; insertTasks leaves out what is done within it.
func (g *group) removeTasks(b *pgx.Batch) {
	kinds, keys := make([]string, 0, len(g.doneTasks)), make([]string, 0, len(g.doneTasks))
	for id := range g.doneTasks {
		kinds, keys = append(kinds, id.Kind), append(keys, id.Key)
	}
	b.Queue(sqlRemoveTasks, pgx.StrictNamedArgs{"kinds": kinds, "keys": keys})
}

func (g *group) insertTasks(b *pgx.Batch) {
	n := len(g.newTasks)
	places, delays := make([]int64, 0, n), make([]int64, 0, n)
	kinds, keys := make([]string, 0, n), make([]string, 0, n)
	for i, t := range g.newTasks {
		if i < g.doneTasks[t.ID()] {
			continue
		}
		places, delays = append(places, t.place), append(delays, t.Delay.Microseconds())
		kinds, keys = append(kinds, t.Kind), append(keys, t.Key)
	}
	b.Queue(sqlInsertTasks, pgx.StrictNamedArgs{"places": places, "delays": delays, "kinds": kinds, "keys": keys})
}
