package relay

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ordo-platform/ordo/eventstore"
)

// Status is how a relay is doing.
type Status struct {
	Running     bool                // it holds the lease and publishes
	Waiting     bool                // another one holds the lease; this one waits for its turn
	Position    eventstore.Position // everything up to here is published
	Events      int64               // published since the process started
	Epoch       int64               // of the lease
	Since       time.Time           // when it began to publish
	LastSuccess time.Time           // when it last published something, or found that there was nothing to publish
	LastError   error               // why it failed last; nil once it publishes again, or another does
}

// silence is how long a relay may neither publish nor find nothing to publish before that is called wrong. Its loop turns many
// times a second, and a transaction takes ten seconds at most.
const silence = 30 * time.Second

var errNotRunning = errors.New("relay is not running")

// Err says what is wrong, nil if the relay publishes or waits for its turn.
func (s Status) Err() error {
	switch {
	case s.Running:
		alive := s.Since
		if s.LastSuccess.After(alive) {
			alive = s.LastSuccess
		}
		if quiet := time.Since(alive); quiet > silence {
			return fmt.Errorf("relay has shown no sign of life for %s", quiet.Round(time.Second))
		}
		return nil
	case s.LastError != nil:
		return s.LastError
	case s.Waiting:
		return nil
	default:
		return errNotRunning
	}
}

// status is the shared copy of a Status.
type status struct {
	mu sync.Mutex
	s  Status
}

func (s *status) snapshot() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.s
}

// standby is what a relay is that has waited for a while: another publishes, and why this one stopped is history.
func (s *status) standby() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.s.Waiting, s.s.LastError = true, nil
}

// acquired is what a relay is that has the lease and looks what was published. It does not publish yet, and may find that
// it never will.
func (s *status) acquired() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.s.Waiting = false
}

func (s *status) started(epoch int64, position eventstore.Position) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.s.Running, s.s.Waiting, s.s.LastError = true, false, nil
	s.s.Epoch, s.s.Position, s.s.Since = epoch, position, time.Now()
}

func (s *status) published(position eventstore.Position, events int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.s.Position, s.s.LastSuccess = position, time.Now()
	s.s.Events += int64(events)
}

func (s *status) idle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.s.LastSuccess = time.Now()
}

func (s *status) stopped(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.s.Running, s.s.Waiting, s.s.LastError = false, false, err
}
