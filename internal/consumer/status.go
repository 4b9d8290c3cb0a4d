package consumer

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/ordo-platform/ordo/eventstore"
)

// Status is how a consumer is doing.
type Status struct {
	Joined     bool      // it is a member of its group
	LastError  error     // why it is not, or left last; nil once it is
	LastTurn   time.Time // sign of life: when the loop last turned, also when there was nothing to do
	Partitions []PartitionStatus
	Lag        map[string]Lag // by topic, where there is a log to ask

	quiet time.Duration // how long the loop may not turn
}

// Lag is how far a consumer is behind the log of a service, in positions: it does not depend on what is on the topic.
type Lag struct {
	eventstore.Unseen
	At    time.Time // when that was looked up
	Since time.Time // since when First has been the oldest event that is not applied
}

// PartitionStatus is how a consumer is doing in one partition. The counts are of this process.
type PartitionStatus struct {
	Topic        string
	Partition    int32
	Assigned     bool                // to this member; else the rest is history
	Position     eventstore.Position // of the last event applied
	Events       int64               // applied
	Skipped      int64               // records that had been applied before
	Parked       int64               // set aside as dead letters
	Redriven     int64               // of those, applied later
	Refilled     int64               // applied or parked, but from the log of the service: the topic had lost them
	Holes        int64               // that could not be refilled
	Attempts     int                 // failed ones of the batch in hand
	FailingSince time.Time           // when the first of them failed; zero while all is well
	LastError    error               // of the last attempt; nil when it succeeded
	Stopped      error               // why nothing more is applied here until someone has looked; nil while all is well
	LastSuccess  time.Time           // last commit
}

var errNotJoined = errors.New("consumer has not joined its group")

// patience is how long a partition may fail before that is called wrong: the neighbours it needs may be starting again.
const patience = 30 * time.Second

// Err says what is wrong, nil if all is well: not a member of the group, a loop that has stopped turning, a partition that
// stands still, or events that nobody applies.
func (s Status) Err() error {
	if !s.Joined {
		return cmp.Or(s.LastError, errNotJoined)
	}
	if quiet := time.Since(s.LastTurn); quiet > s.quiet {
		return fmt.Errorf("consumer has shown no sign of life for %s", quiet.Round(time.Second))
	}
	for _, p := range s.Partitions {
		if p.Assigned && p.Stopped != nil {
			return fmt.Errorf("%s/%d is stopped: %w", p.Topic, p.Partition, p.Stopped)
		}
		if p.Assigned && !p.FailingSince.IsZero() && time.Since(p.FailingSince) > patience {
			return fmt.Errorf("%s/%d fails again and again: %w", p.Topic, p.Partition, p.LastError)
		}
	}
	for topic, lag := range s.Lag {
		if lag.Events > 0 && time.Since(lag.Since) > patience {
			return fmt.Errorf("%s: %d events behind, and event %d of %s ago does not come", topic, lag.Events, lag.First,
				time.Since(lag.Oldest).Round(time.Second))
		}
	}
	return nil
}

// status is the shared copy of a Status.
type status struct {
	mu         sync.Mutex
	isJoined   bool
	lastError  error
	partitions map[topicPartition]*PartitionStatus
	committed  int64

	lastApplied time.Time
	lastTurn    time.Time
	quiet       time.Duration
	lag         map[string]Lag
}

func (s *status) snapshot() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	snapshot := Status{Joined: s.isJoined, LastError: s.lastError, LastTurn: s.lastTurn, Lag: maps.Clone(s.lag), quiet: s.quiet}
	for _, p := range s.partitions {
		snapshot.Partitions = append(snapshot.Partitions, *p)
	}
	slices.SortFunc(snapshot.Partitions, func(a, b PartitionStatus) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	return snapshot
}

// commits counts the transactions so far.
func (s *status) commits() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.committed
}

func (s *status) joined() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.isJoined, s.lastError, s.lastTurn = true, nil, time.Now()
}

// turned is the sign of life of the loop.
func (s *status) turned() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastTurn = time.Now()
}

func (s *status) behind(topic string, u eventstore.Unseen) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	before := s.lag[topic]
	if before.First != u.First || before.Since.IsZero() {
		before.Since = now
	}
	if s.lag == nil {
		s.lag = map[string]Lag{}
	}
	s.lag[topic] = Lag{Unseen: u, At: now, Since: before.Since}
}

func (s *status) left(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.isJoined, s.lastError = false, err
}

func (s *status) assigned(p *partition) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.partitions == nil {
		s.partitions = map[topicPartition]*PartitionStatus{}
	}
	key := topicPartition{p.topic, p.number}
	if s.partitions[key] == nil {
		s.partitions[key] = &PartitionStatus{Topic: p.topic, Partition: p.number}
	}
	ps := s.partitions[key]
	ps.Assigned, ps.Position = true, p.saved.Position
	ps.Attempts, ps.FailingSince, ps.LastError, ps.Stopped = 0, time.Time{}, nil, nil
}

func (s *status) revoked(topic string, partition int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ps := s.partitions[topicPartition{topic, partition}]; ps != nil {
		ps.Assigned = false
	}
}

// of returns the status of an assigned partition. The caller holds mu.
func (s *status) of(p *partition) *PartitionStatus {
	return s.partitions[topicPartition{p.topic, p.number}]
}

func (s *status) applied(p *partition, n counts, refilled bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.committed++
	ps := s.of(p)
	ps.Position, ps.LastSuccess = p.saved.Position, time.Now()
	if n.applied > 0 {
		s.lastApplied = ps.LastSuccess
	}
	ps.Events += int64(n.applied)
	ps.Skipped += int64(n.skipped)
	ps.Parked += int64(n.parked)
	if refilled {
		ps.Refilled += int64(n.applied + n.parked)
	}
	ps.Attempts, ps.FailingSince, ps.LastError = 0, time.Time{}, nil
}

func (s *status) redriven(p *partition, events int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.committed++
	s.of(p).Redriven += int64(events)
}

// appliedSince tells whether any partition has applied events after a moment.
func (s *status) appliedSince(moment time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lastApplied.After(moment)
}

func (s *status) failed(p *partition, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ps := s.of(p)
	ps.Attempts, ps.LastError = p.attempts, err
	if ps.FailingSince.IsZero() {
		ps.FailingSince = time.Now()
	}
}

func (s *status) stop(p *partition, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ps := s.of(p)
	ps.Stopped = err
	if _, hole := errors.AsType[*HoleError](err); hole {
		ps.Holes++
	}
}
