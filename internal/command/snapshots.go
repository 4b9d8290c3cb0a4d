package command

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/ordo-platform/ordo/eventstore"
)

const (
	// snapshotEvery is after how many events since the last snapshot a stream gets another, at least: fewer make snapshots the
	// greater work, more make it reading, for a batch of orders reads the streams of all their SKUs. A state that is larger than
	// so many events, of eventBytes each, waits until they are as large as it is.
	snapshotEvery = 10
	eventBytes    = 300

	// takeAgain is after how long the snapshot of a stream is taken again that is still folded from far behind: it could not
	// be stored, or somebody has deleted it.
	takeAgain = time.Minute

	maxDue   = 64   // snapshots that wait to be stored; more are dropped
	maxTaken = 4096 // streams that are remembered
)

// SnapshotStore keeps snapshots.
type SnapshotStore interface {
	// SaveSnapshots keeps snapshots unless there are later ones of the same streams and state versions.
	SaveSnapshots(ctx context.Context, snapshots ...eventstore.Snapshot) error
}

// snapshots are those that are due. Taking one costs the command that has folded a long history writing its state as JSON;
// nobody waits for it to be stored, and nothing depends on it.
type snapshots struct {
	wake chan struct{}

	mu    sync.Mutex
	due   map[eventstore.StreamID]eventstore.Snapshot // the newest of each
	taken map[eventstore.StreamID]taken               // the last one of a stream, stored or not
}

type taken struct {
	version eventstore.Version
	at      time.Time
	bytes   int // of the state, once it is known
}

// again is the version from which another one is taken.
func (t taken) again() eventstore.Version {
	return t.version + eventstore.Version(max(snapshotEvery, t.bytes/eventBytes))
}

func (s *snapshots) init() {
	s.wake = make(chan struct{}, 1)
	s.due = map[eventstore.StreamID]eventstore.Snapshot{}
	s.taken = map[eventstore.StreamID]taken{}
}

// consider takes snapshots of those of the loaded aggregates whose histories have become long. Only what was read may be in
// them: what is decided on top of it may never be stored.
func (s *snapshots) consider(loaded map[eventstore.StreamID]*aggregate) {
	for stream, a := range loaded {
		if a.stateVersion == 0 || a.folded < snapshotEvery || !s.take(stream, a.version) {
			continue
		}
		state, err := a.save()
		if err != nil {
			continue // it has to be folded
		}
		s.add(eventstore.Snapshot{
			Stream: stream, Version: a.version, EventID: a.last, StateVersion: a.stateVersion, State: state,
		})
	}
}

// take says whether it is this caller who takes a snapshot. Everybody asks who loads the stream until one is stored.
func (s *snapshots) take(stream eventstore.StreamID, version eventstore.Version) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	last, before := s.taken[stream]
	if before && version < last.again() && time.Since(last.at) < takeAgain || len(s.due) >= maxDue {
		return false
	}
	if len(s.taken) >= maxTaken {
		clear(s.taken)
	}
	s.taken[stream] = taken{version: version, at: time.Now(), bytes: last.bytes}
	return true
}

func (s *snapshots) add(snapshot eventstore.Snapshot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last := s.taken[snapshot.Stream]; last.version == snapshot.Version {
		last.bytes = len(snapshot.State)
		s.taken[snapshot.Stream] = last
	}
	if len(snapshot.State) > eventstore.MaxSnapshotBytes {
		return // it has to be folded
	}
	if before, ok := s.due[snapshot.Stream]; !ok || before.Version < snapshot.Version {
		s.due[snapshot.Stream] = snapshot
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *snapshots) next() []eventstore.Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	due := slices.Collect(maps.Values(s.due))
	clear(s.due)
	return due
}

// Run stores the snapshots that commands and reactions take of long streams, until ctx ends. Without it none is stored, and
// everything else works all the same.
func (h *Handler) Run(ctx context.Context, log *slog.Logger) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-h.snapshots.wake:
		}
		if err := h.store.SaveSnapshots(ctx, h.snapshots.next()...); err != nil && ctx.Err() == nil {
			log.WarnContext(ctx, "snapshots not stored; others are taken later", "error", err)
		}
	}
}
