package postgres

import (
	"crypto/sha256"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/ordo-platform/ordo/eventstore"
)

// group is what the appends admitted so far add to the log, and what is known of the log they are checked against. Each
// append is checked against the log as the ones admitted before it leave it. Nothing here touches the database.
//
// The new rows have places 1, 2, … behind the head of the log. Where that is, the insert finds out under the lock;
// [result.at] turns places into positions.
type group struct {
	count  int64   // new rows
	tails  []int64 // place of the last new row of each partition, 0 for none
	leaves []byte  // leaf hashes of the new rows, end to end

	versions map[eventstore.StreamID]eventstore.Version // of every stream that is appended to
	receipts map[receiptKey]eventstore.Receipt          // of every key that is used; new ones have minus their place as position
	ids      map[uuid.UUID]struct{}                     // of the new events, those stored already; nil: not looked up

	events       eventRows
	newReceipts  []eventstore.Receipt // with their places as positions
	newTasks     []taskRow
	doneTasks    map[eventstore.TaskID]int // how many of the new tasks are older than that
	firstEventID uuid.UUID
	scratch      []byte
}

// newGroup returns a group without appends, with room for some rows.
func newGroup(partitions, rows int) *group {
	return &group{
		tails:    make([]int64, partitions),
		leaves:   make([]byte, 0, rows*sha256.Size),
		versions: make(map[eventstore.StreamID]eventstore.Version, rows),
		receipts: map[receiptKey]eventstore.Receipt{},
		events: eventRows{
			prevs:          make([]int64, 0, rows),
			ids:            make([][16]byte, 0, rows),
			versions:       make([]int32, 0, rows),
			schemaVersions: make([]int32, 0, rows),
			partitions:     make([]int32, 0, rows),
			streams:        make([]string, 0, rows),
			types:          make([]string, 0, rows),
			data:           make([][]byte, 0, rows),
			metadata:       make([][]byte, 0, rows),
		},
	}
}

type receiptKey struct{ scope, key string }

// eventRows holds the new rows by column, as the insert wants them.
type eventRows struct {
	prevs          []int64
	ids            [][16]byte
	versions       []int32
	schemaVersions []int32
	partitions     []int32
	streams        []string
	types          []string
	data           [][]byte
	metadata       [][]byte
}

type taskRow struct {
	eventstore.Task
	place int64
}

// admit adds an append to the group, or refuses it and leaves the group as it is. A key that is used comes first: its
// receipt answers the request, whatever else would be wrong with it now. Then versions, then ids. The commit has places.
func (g *group) admit(p *prepared) (eventstore.Commit, error) {
	if err := g.check(p); err != nil {
		return eventstore.Commit{}, err
	}
	commit := eventstore.Commit{
		First:    eventstore.Position(g.count + 1),
		Versions: make([]eventstore.Version, len(p.streams)),
	}
	for i, s := range p.streams {
		for _, e := range s.events {
			g.add(s, e)
		}
		commit.Versions[i] = g.versions[s.id]
	}
	commit.Last = eventstore.Position(g.count)
	if p.receipt != nil {
		r := *p.receipt
		r.Position = commit.Last
		g.newReceipts = append(g.newReceipts, r)
		r.Position = -commit.Last
		g.receipts[receiptKey{r.Scope, r.Key}] = r
	}
	for _, id := range p.done {
		if g.doneTasks == nil {
			g.doneTasks = make(map[eventstore.TaskID]int)
		}
		g.doneTasks[id] = len(g.newTasks)
	}
	for _, t := range p.tasks {
		g.newTasks = append(g.newTasks, taskRow{t, g.count})
	}
	return commit, nil
}

// storedAt is where and when the rows of a group were stored.
type storedAt struct {
	head       eventstore.Position // of the log before them
	recordedAt time.Time
}

// at turns the places in a result into positions.
func (r result) at(s storedAt) result {
	if r.err == nil {
		r.commit.First += s.head
		r.commit.Last += s.head
		r.commit.RecordedAt = s.recordedAt
		return r
	}
	if used, ok := errors.AsType[*eventstore.KeyUsedError](r.err); ok && used.Receipt.Position < 0 { // by a neighbour
		used.Receipt.Position = s.head - used.Receipt.Position
		used.Receipt.At = s.recordedAt
	}
	return r
}

func (g *group) check(p *prepared) error {
	if p.receipt != nil {
		if used, ok := g.receipts[receiptKey{p.receipt.Scope, p.receipt.Key}]; ok {
			return &eventstore.KeyUsedError{Receipt: used}
		}
	}
	for _, s := range p.streams {
		actual := g.versions[s.id]
		if s.expected != eventstore.AnyVersion && s.expected != eventstore.Exactly(actual) {
			return &eventstore.ConflictError{Stream: s.id, Expected: s.expected, Actual: actual}
		}
	}
	if g.ids == nil {
		return nil
	}
	for _, s := range p.streams {
		for _, e := range s.events {
			if _, stored := g.ids[e.id]; stored {
				return &eventstore.DuplicateEventError{ID: e.id}
			}
		}
	}
	return nil
}

func (g *group) add(s preparedStream, e preparedEvent) {
	if g.empty() {
		g.firstEventID = e.id
	}
	g.count++
	g.versions[s.id]++
	if g.ids != nil {
		g.ids[e.id] = struct{}{}
	}
	rows := &g.events
	rows.prevs = append(rows.prevs, g.tails[s.partition])
	rows.ids = append(rows.ids, e.id)
	rows.versions = append(rows.versions, int32(g.versions[s.id])) //nolint:gosec // the column is an integer
	rows.schemaVersions = append(rows.schemaVersions, e.schemaVersion)
	rows.partitions = append(rows.partitions, s.partition)
	rows.streams = append(rows.streams, string(s.id))
	rows.types = append(rows.types, e.eventType)
	rows.data = append(rows.data, e.data)
	rows.metadata = append(rows.metadata, e.metadata)
	g.tails[s.partition] = g.count
	leaf := g.leafOf(s, e, g.versions[s.id])
	g.leaves = append(g.leaves, leaf[:]...)
}

// empty reports that no append was admitted: there is nothing to store.
func (g *group) empty() bool { return g.count == 0 }
