package postgres

import (
	"fmt"

	"github.com/ordo-platform/ordo/eventstore"
)

// Finding says where and how a log differs from what was written.
type Finding struct {
	Kind   FindingKind         `json:"kind"`
	First  eventstore.Position `json:"position"` // the first bad position
	Last   eventstore.Position `json:"last"`     // above First when only a range is known
	Detail string              `json:"detail"`
}

func (f *Finding) String() string {
	if f.Last > f.First {
		return fmt.Sprintf("positions %d to %d: %s", f.First, f.Last, f.Detail)
	}
	return fmt.Sprintf("position %d: %s", f.First, f.Detail)
}

// FindingKind is the kind of a [Finding]. Scripts may rely on the names.
type FindingKind string

// The kinds of findings.
const (
	BytesChanged   FindingKind = "bytes_changed"   // an event is not what was committed
	EventMissing   FindingKind = "event_missing"   // a position is empty
	EventAdded     FindingKind = "event_added"     // an event that no commit put there
	Renumbered     FindingKind = "renumbered"      // events are at other positions or versions than they were committed at
	DerivedWrong   FindingKind = "derived_wrong"   // what must follow from the rest (version, partition, prev, tails) does not
	LinkBroken     FindingKind = "link_broken"     // the record of a commit is changed or missing; its events may be as they were
	TailCut        FindingKind = "tail_cut"        // the end of the log is gone
	ChainRewritten FindingKind = "chain_rewritten" // in itself the log is in order, but a head that was kept outside is not in it
)

// firstOf returns what is found first. What is wrong inside the log is known more exactly than that a head is not in it.
func firstOf(inside, outside *Finding) *Finding {
	switch {
	case inside == nil:
		return outside
	case outside == nil || inside.First <= max(outside.First, outside.Last):
		return inside
	}
	return outside
}

// suspect is an event that does not fit to those around it. Whether it was changed, or only what can be derived from it,
// the link of its commit tells.
type suspect struct {
	position       eventstore.Position
	intact, broken FindingKind
	detail         string
}

// judge returns the finding that a suspect makes of what the links tell.
func (s *suspect) judge(links *Finding) *Finding {
	switch {
	case links == nil || s.position < links.First:
		return &Finding{s.intact, s.position, s.position, s.detail}
	case s.position <= links.Last && links.Kind == BytesChanged:
		return &Finding{s.broken, s.position, s.position, s.detail}
	}
	return links
}
