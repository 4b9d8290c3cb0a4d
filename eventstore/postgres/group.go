package postgres

import (
	"time"

	"github.com/google/uuid"

	"github.com/ordo-platform/ordo/eventstore"
)

// group is the state of the log under the head lock, and the rows that the appends admitted so far add to it. Each append
// is checked against the log as the ones admitted before it leave it. Nothing here touches the database.
type group struct {
	first eventstore.Position // of the first new row
	last  eventstore.Position // of the last new row; first-1 while there is none
	tails []int64             // position of the last event of each partition
	now   time.Time           // when the rows are recorded

	versions map[eventstore.StreamID]eventstore.Version // of every stream that is appended to
	receipts map[receiptKey]eventstore.Receipt          // of every key that is used, if it is
	ids      map[uuid.UUID]struct{}                     // of the new events, those stored already; nil: not looked up

	events       eventRows
	newReceipts  []eventstore.Receipt
	newTasks     []taskRow
	firstEventID uuid.UUID
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
	position eventstore.Position
}

// admit adds an append to the group, or refuses it and leaves the group as it is. A key that is used comes first: its
// receipt answers the request, whatever else would be wrong with it now. Then versions, then ids.
func (g *group) admit(p *prepared) (eventstore.Commit, error) {
	if err := g.check(p); err != nil {
		return eventstore.Commit{}, err
	}
	commit := eventstore.Commit{
		First:      g.last + 1,
		Versions:   make([]eventstore.Version, len(p.streams)),
		RecordedAt: g.now,
	}
	for i, s := range p.streams {
		for _, e := range s.events {
			g.add(s, e)
		}
		commit.Versions[i] = g.versions[s.id]
	}
	commit.Last = g.last
	if p.receipt != nil {
		r := *p.receipt
		r.Position, r.At = g.last, g.now
		g.receipts[receiptKey{r.Scope, r.Key}] = r
		g.newReceipts = append(g.newReceipts, r)
	}
	for _, t := range p.tasks {
		g.newTasks = append(g.newTasks, taskRow{t, g.last})
	}
	return commit, nil
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
	g.last++
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
	g.tails[s.partition] = int64(g.last)
}

// empty reports that no append was admitted: there is nothing to store.
func (g *group) empty() bool { return g.last < g.first }
