package postgres

import (
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ordo-platform/ordo/eventstore"
)

// A stretch is the commits that end in a range of positions, with their events. Each can be checked without the others: a
// link names only the one before it, which is read along.
type stretchWork struct {
	after, to eventstore.Position
	result    chan stretchResult // has room for it
}

// stretchResult is what one stretch tells about the whole.
type stretchResult struct {
	events  int64
	end     eventstore.Link       // of its last commit; zero if none ends in it
	entries []entry               // the first event of each partition, by position
	tails   []eventstore.Position // the last event of each partition, or unknown
	finding *Finding
}

// unknown is the tail of a partition of which no event was read yet.
const unknown eventstore.Position = -1

// entry is the first event of a partition in a stretch: what its prev must be, the stretches before know.
type entry struct {
	partition      int32
	position, prev eventstore.Position
}

func (e entry) suspect(tail eventstore.Position) *suspect {
	return &suspect{
		e.position, DerivedWrong, Renumbered,
		fmt.Sprintf("prev is %d, but the last event of partition %d before it is %d", e.prev, e.partition, tail),
	}
}

// stretch is the state of checking one, and memory that the next one uses again.
type stretch struct {
	*verifier
	conn *pgx.Conn

	before  eventstore.Link // of the commit in front
	commits []commitRow     // without a gap
	gap     *Finding        // why commits end early

	at       int                 // commits[at] is the one whose events come
	next     eventstore.Position // of the event that must come
	leaves   []byte              // of the commit at
	moment   int64               // recorded_at of its events
	suspect  *suspect            // the first in the commit at
	mismatch bool                // the link of the commit at is not what its events give
	names    map[string]string
	streams  map[string]streamState
	unproven versionLookups
	scratch  []byte

	result stretchResult
}

// streamState is what the stretch has seen of a stream.
type streamState struct {
	id        eventstore.StreamID
	partition int32
	version   eventstore.Version
}

// versionLookups are events that are not the first of their streams, but the first in the stretch.
type versionLookups struct {
	streams   []string
	versions  []int32
	positions []int64
}

// checkStretches is a worker.
func (v *verifier) checkStretches(ctx context.Context, work <-chan stretchWork) error {
	return v.pool.AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
		s := stretch{verifier: v, conn: conn.Conn(), names: map[string]string{}, streams: map[string]streamState{}}
		for w := range work {
			if err := s.check(ctx, w.after, w.to); err != nil {
				return fmt.Errorf("positions %d to %d: %w", w.after+1, w.to, err)
			}
			w.result <- s.result
		}
		return nil
	})
}

func (s *stretch) check(ctx context.Context, after, to eventstore.Position) error {
	s.reset()
	if err := s.readCommits(ctx, after, to); err != nil {
		return err
	}
	if len(s.commits) > 0 {
		if err := s.readEvents(ctx); err != nil {
			return err
		}
	}
	if s.result.finding == nil {
		s.result.finding = s.gap
	}
	return s.lookUpVersions(ctx)
}

func (s *stretch) reset() {
	*s = stretch{
		verifier: s.verifier, conn: s.conn,
		commits: s.commits[:0], leaves: s.leaves[:0], scratch: s.scratch, names: s.names, streams: s.streams,
		unproven: versionLookups{s.unproven.streams[:0], s.unproven.versions[:0], s.unproven.positions[:0]},
	}
	clear(s.streams)
	s.result.tails = make([]eventstore.Position, s.partitions)
	for i := range s.result.tails {
		s.result.tails[i] = unknown
	}
}

// readCommits reads the commits that end after a position and up to another, and puts placeholders where there are none.
func (s *stretch) readCommits(ctx context.Context, after, to eventstore.Position) error {
	last := &s.before.Position // where the commit before ended
	return copyRows(ctx, s.conn, fmt.Sprintf(sqlVerifyCommits, after, to), commitColumns, func(row copyRow) {
		c := commitRow{first: eventstore.Position(row.number()), last: eventstore.Position(row.number()), recordedAt: row.number()}
		copy(c.link[:], row.bytes())
		switch {
		case c.last <= after:
			s.before = eventstore.Link{Position: c.last, Hash: c.link}
			return
		case s.gap != nil:
			return
		case c.first <= *last || c.first > c.last:
			s.gap = &Finding{LinkBroken, *last + 1, c.last, fmt.Sprintf("a commit says that it holds %d to %d, the one before ends at %d", c.first, c.last, *last)}
			return
		case c.first > *last+1: // events may be missing as well: as many are looked at as a stretch has
			s.gap = &Finding{LinkBroken, *last + 1, c.first - 1, "the record of the commit is missing"}
			s.commits = append(s.commits, commitRow{first: *last + 1, last: min(c.first-1, *last+stretchEvents), missing: true})
			return
		}
		s.commits = append(s.commits, c)
		last = &s.commits[len(s.commits)-1].last
	})
}

func (s *stretch) readEvents(ctx context.Context) error {
	end := s.commits[len(s.commits)-1]
	s.next = s.before.Position + 1
	var e eventRow
	query := fmt.Sprintf(sqlVerifyEvents, s.before.Position, end.last)
	err := copyRows(ctx, s.conn, query, eventColumns, func(row copyRow) {
		if s.result.finding != nil {
			return // there is little left
		}
		e.read(row)
		s.event(&e)
	})
	if err != nil {
		return err
	}
	s.result.events = int64(s.next - s.before.Position - 1)
	s.result.end = eventstore.Link{Position: end.last, Hash: end.link}
	if s.result.finding == nil && s.next <= end.last {
		s.result.finding = s.missing(s.next, end.last)
	}
	if s.mismatch {
		return s.diagnose(ctx)
	}
	return nil
}

func (s *stretch) missing(first, last eventstore.Position) *Finding {
	if s.lastEvent < first {
		return &Finding{TailCut, first, s.head.Position, fmt.Sprintf("log_head ends at %d, the events at %d", s.head.Position, s.lastEvent)}
	}
	if first == last {
		return &Finding{EventMissing, first, last, "the event is missing"}
	}
	return &Finding{EventMissing, first, last, "the events are missing"}
}

// event checks the next event.
func (s *stretch) event(e *eventRow) {
	if e.position != s.next {
		if e.position < s.next {
			s.result.finding = &Finding{EventAdded, e.position, e.position, "there are two events"}
		} else {
			s.result.finding = s.missing(s.next, e.position-1)
		}
		return
	}
	s.next++
	commit := &s.commits[s.at]
	s.moment = e.recordedAt
	if e.recordedAt != commit.recordedAt && !commit.missing {
		s.suspect = s.first(e, BytesChanged, Renumbered, "recorded_at is not that of its commit")
	}
	s.leaves = s.appendLeaf(s.leaves, s.derive(e), e)
	if e.position == commit.last {
		s.closeCommit(commit)
	}
}

// first returns the first suspect of a commit.
func (s *stretch) first(e *eventRow, intact, broken FindingKind, format string, args ...any) *suspect {
	if s.suspect != nil {
		return s.suspect
	}
	return &suspect{e.position, intact, broken, fmt.Sprintf(format, args...)}
}

// derive checks what must follow from the events so far, and returns the stream.
func (s *stretch) derive(e *eventRow) eventstore.StreamID {
	stream, seen := s.streams[string(e.stream)]
	if !seen {
		stream.id = eventstore.StreamID(e.stream)
		stream.partition = eventstore.PartitionOf(stream.id.Key(), s.partitions)
	}
	if e.partition != stream.partition {
		s.suspect = s.first(e, DerivedWrong, BytesChanged, "partition is %d, that of stream %s is %d", e.partition, stream.id, stream.partition)
	}
	switch {
	case seen && e.version != stream.version+1:
		s.suspect = s.first(e, DerivedWrong, Renumbered, "version %d of stream %s follows version %d", e.version, stream.id, stream.version)
	case !seen && e.version > 1:
		s.unproven.streams = append(s.unproven.streams, string(stream.id))
		s.unproven.versions = append(s.unproven.versions, int32(e.version)) //nolint:gosec // the column is an integer
		s.unproven.positions = append(s.unproven.positions, int64(e.position))
	case e.version < 1:
		s.suspect = s.first(e, DerivedWrong, Renumbered, "version %d of stream %s", e.version, stream.id)
	}
	tail := &s.result.tails[stream.partition]
	if *tail == unknown {
		s.result.entries = append(s.result.entries, entry{stream.partition, e.position, e.prev})
	} else if e.prev != *tail {
		s.suspect = s.first(e, DerivedWrong, Renumbered, "%s", entry{stream.partition, e.position, e.prev}.suspect(*tail).detail)
	}
	*tail = e.position
	stream.version = e.version
	s.streams[string(stream.id)] = stream
	return stream.id
}

// appendLeaf adds the leaf hash of an event to leaves.
func (s *stretch) appendLeaf(leaves []byte, stream eventstore.StreamID, e *eventRow) []byte {
	name, known := s.names[string(e.name)]
	if !known {
		name = string(e.name)
		s.names[name] = name
	}
	leaf := eventstore.Leaf{
		Stream: stream, Version: e.version, Type: name, SchemaVersion: e.schemaVersion, Data: e.data, Metadata: e.metadata,
	}
	copy(leaf.ID[:], e.id)
	s.scratch = leaf.Encode(s.scratch[:0])
	hash := sha256.Sum256(s.scratch)
	return append(leaves, hash[:]...)
}

// linkBefore is the link that the commit at builds on.
func (s *stretch) linkBefore() eventstore.Hash {
	if s.at == 0 {
		return s.before.Hash
	}
	return s.commits[s.at-1].link
}

// closeCommit checks the link of a commit whose events have all been read. If it is wrong, at stays where it is.
func (s *stretch) closeCommit(c *commitRow) {
	switch {
	case c.missing:
		s.result.finding = s.gap
		return
	case c.linkOn(s.linkBefore(), c.recordedAt, s.leaves) != c.link:
		s.mismatch = true
		s.result.finding = &Finding{BytesChanged, c.first, c.last, "the event is not what was committed"}
		if c.last > c.first {
			s.result.finding.Detail = "the events are not what was committed together"
		}
		return
	case s.suspect != nil:
		s.result.finding = s.suspect.judge(nil)
		return
	}
	s.at++
	s.leaves, s.suspect = s.leaves[:0], nil
}

// lookUpVersions makes sure that streams that were begun before the stretch go on in it where they were.
func (s *stretch) lookUpVersions(ctx context.Context) error {
	u := &s.unproven
	if len(u.streams) == 0 {
		return nil
	}
	var bad eventstore.Position
	err := s.conn.QueryRow(ctx, sqlVerifyVersions, pgx.StrictNamedArgs{
		"streams": u.streams, "versions": u.versions, "positions": u.positions,
	}).Scan(&bad)
	if isNoRows(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for i, position := range u.positions {
		if eventstore.Position(position) == bad {
			found := &suspect{bad, DerivedWrong, Renumbered, fmt.Sprintf("version %d of stream %s: no version %d is before it", u.versions[i], u.streams[i], u.versions[i]-1)}
			s.result.finding = found.judge(s.result.finding)
		}
	}
	return nil
}
