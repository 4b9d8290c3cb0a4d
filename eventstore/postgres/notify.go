package postgres

import "sync"

// Subscribe returns a channel that gets a token after commits of this process, and the way to end that. Tokens coalesce:
// one says that there is something new, not how much. Commits of other processes are not seen: who must see them polls
// as well.
func (s *Store) Subscribe() (wake <-chan struct{}, cancel func()) { return s.commits.add() }

// Notify wakes the subscribers. Call it after the commit of a transaction with [Store.StageTx] or [Store.AppendTx].
func (s *Store) Notify() { s.commits.wake() }

// subscribers is ready to use when zero.
type subscribers struct {
	mu    sync.Mutex
	chans map[chan struct{}]struct{}
}

func (s *subscribers) add() (<-chan struct{}, func()) {
	wake := make(chan struct{}, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.chans == nil {
		s.chans = make(map[chan struct{}]struct{})
	}
	s.chans[wake] = struct{}{}
	return wake, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.chans, wake)
	}
}

func (s *subscribers) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for wake := range s.chans {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
}
