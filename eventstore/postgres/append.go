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
	ps := make([]*prepared, len(appends))
	for i, a := range appends {
		p, err := prepare(a, s.config.Partitions)
		if err != nil {
			return nil, err
		}
		ps[i] = p
	}
	// Looking the ids up costs little, and a second delivery is an ordinary event for the callers of AppendTx.
	g, err := readGroup(ctx, tx, &pgx.Batch{}, ps, lookEverythingUp)
	if err != nil {
		return nil, fmt.Errorf("append %s: %w", ps[0].streams[0].id, err)
	}
	commits := make([]eventstore.Commit, len(ps))
	for i, p := range ps {
		if commits[i], err = g.admit(p); err != nil {
			return nil, err
		}
	}
	if err := send(ctx, tx, g.inserts()); err != nil {
		return nil, fmt.Errorf("append %s: %w", ps[0].streams[0].id, err)
	}
	return commits, nil
}

// sender is a connection or a transaction.
type sender interface {
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

func send(ctx context.Context, to sender, b *pgx.Batch) error { return to.SendBatch(ctx, b).Close() }

// lookup says what readGroup looks up. The insert fails on a stream that is not new, and on an event id that is not, by a
// unique constraint: a group that trusts its callers saves those lookups, and is tried again with them if it was wrong to.
type lookup bool

const (
	trustNew         lookup = false
	lookEverythingUp lookup = true
)

// readGroup takes the head lock and reads, in later statements, everything the appends are checked against. That is one
// round trip: the statements are added to b.
func readGroup(ctx context.Context, on sender, b *pgx.Batch, appends []*prepared, all lookup) (*group, error) {
	var head eventstore.Position
	g := &group{}
	b.Queue(sqlLockHead).QueryRow(func(row pgx.Row) error {
		return row.Scan(&head, &g.tails)
	})
	queueVersions(b, g, appends, all)
	queueReceipts(b, g, appends)
	if all {
		queueEventIDs(b, g, appends)
	}
	if err := send(ctx, on, b); err != nil {
		if errors.Is(err, pgx.ErrNoRows) {
			return nil, errors.New("log_head has no row")
		}
		return nil, err
	}
	g.first, g.last = head+1, head
	return g, nil
}

func queueVersions(b *pgx.Batch, g *group, appends []*prepared, all lookup) {
	streams := []string{}
	asked := make(map[eventstore.StreamID]bool, len(appends))
	g.versions = make(map[eventstore.StreamID]eventstore.Version, len(appends))
	for _, p := range appends {
		for _, s := range p.streams {
			g.versions[s.id] = 0
			if !asked[s.id] && (bool(all) || s.expected != eventstore.NoStream) {
				asked[s.id] = true
				streams = append(streams, string(s.id))
			}
		}
	}
	b.Queue(sqlReadVersions, pgx.StrictNamedArgs{"streams": streams}).QueryRow(func(row pgx.Row) error {
		var versions []int64
		if err := row.Scan(&g.now, &versions); err != nil {
			return err
		}
		g.now = g.now.UTC()
		for i, v := range versions {
			g.versions[eventstore.StreamID(streams[i])] = eventstore.Version(v)
		}
		return nil
	})
}

func queueReceipts(b *pgx.Batch, g *group, appends []*prepared) {
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
	g.receipts = make(map[receiptKey]eventstore.Receipt)
	b.Queue(sqlReadReceipts, pgx.StrictNamedArgs{"scopes": scopes, "keys": keys}).Query(func(rows pgx.Rows) error {
		found, err := pgx.CollectRows(rows, scanReceipt)
		for _, r := range found {
			g.receipts[receiptKey{r.Scope, r.Key}] = r
		}
		return err
	})
}

func queueEventIDs(b *pgx.Batch, g *group, appends []*prepared) {
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

// inserts returns the statements that store the group, one round trip.
func (g *group) inserts() *pgx.Batch {
	b := &pgx.Batch{}
	rows := &g.events
	b.Queue(sqlInsertEvents, pgx.StrictNamedArgs{
		"first":           g.first,
		"recorded_at":     g.now,
		"prevs":           rows.prevs,
		"ids":             rows.ids,
		"versions":        rows.versions,
		"schema_versions": rows.schemaVersions,
		"partitions":      rows.partitions,
		"streams":         rows.streams,
		"types":           rows.types,
		"data":            pgtype.FlatArray[[]byte](rows.data), // a plain [][]byte may pass for an array of arrays
		"metadata":        pgtype.FlatArray[[]byte](rows.metadata),
	})
	if len(g.newReceipts) > 0 {
		g.queueNewReceipts(b)
	}
	if len(g.newTasks) > 0 {
		g.queueNewTasks(b)
	}
	b.Queue(sqlMoveHead, pgx.StrictNamedArgs{"position": g.last, "tails": g.tails})
	return b
}

func (g *group) queueNewReceipts(b *pgx.Batch) {
	n := len(g.newReceipts)
	positions := make([]int64, n)
	scopes, keys := make([]string, n), make([]string, n)
	fingerprints, responses := make(pgtype.FlatArray[[]byte], n), make(pgtype.FlatArray[[]byte], n)
	for i, r := range g.newReceipts {
		positions[i] = int64(r.Position)
		scopes[i], keys[i] = r.Scope, r.Key
		fingerprints[i], responses[i] = r.Fingerprint, r.Response
	}
	b.Queue(sqlInsertReceipt, pgx.StrictNamedArgs{
		"recorded_at": g.now, "positions": positions, "scopes": scopes, "keys": keys,
		"fingerprints": fingerprints, "responses": responses,
	})
}

func (g *group) queueNewTasks(b *pgx.Batch) {
	n := len(g.newTasks)
	positions, due := make([]int64, n), make([]time.Time, n)
	kinds, keys := make([]string, n), make([]string, n)
	for i, t := range g.newTasks {
		positions[i], due[i] = int64(t.position), g.now.Add(t.Delay)
		kinds[i], keys[i] = t.Kind, t.Key
	}
	b.Queue(sqlInsertTasks, pgx.StrictNamedArgs{"positions": positions, "due": due, "kinds": kinds, "keys": keys})
}
