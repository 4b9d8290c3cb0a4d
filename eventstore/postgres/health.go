package postgres

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ordo-platform/ordo/eventstore"
)

// failureCounts is how long a failed append says that the store cannot write. Whoever is told so may send no more appends,
// and then nothing would ever show that it can again.
const failureCounts = 5 * time.Second

// Err says why appends fail at present, nil if the last one did not or was some time ago. Refusals of a single append, as
// for a conflict, are no failures.
func (s *Store) Err() error { return s.health.err(time.Now()) }

// health remembers how the writer's last answer was.
type health struct {
	mu     sync.Mutex
	failed error
	at     time.Time
}

func (h *health) saw(err error) {
	var (
		conflict  *eventstore.ConflictError
		duplicate *eventstore.DuplicateEventError
		used      *eventstore.KeyUsedError
	)
	if errors.As(err, &conflict) || errors.As(err, &duplicate) || errors.As(err, &used) || mayBeOneAppend(err) {
		err = nil // the log was there to be looked at
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failed, h.at = err, time.Now()
}

func (h *health) err(now time.Time) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.failed == nil || now.Sub(h.at) > failureCounts {
		return nil
	}
	return fmt.Errorf("the last append, %s ago, failed: %w", now.Sub(h.at).Round(time.Millisecond), h.failed)
}
