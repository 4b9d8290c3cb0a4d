package app

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// stages runs components that depend on one another. They stop in reverse order of their stages, each stage only when
// the one above it has stopped: what takes work in stops first, what others still need to finish their work stops last.
type stages struct {
	list []*stage
}

// stage is a set of components that stop together.
type stage struct {
	name  string
	limit time.Duration // how long it may take to stop before the next stage is told to, all the same
	parts []part
}

type part struct {
	name string
	run  func(context.Context) error
}

// add appends a stage that stops before all stages added earlier.
func (s *stages) add(name string, limit time.Duration) *stage {
	st := &stage{name: name, limit: limit}
	s.list = append(s.list, st)
	return st
}

func (s *stage) add(name string, run func(context.Context) error) {
	s.parts = append(s.parts, part{name, run})
}

// run blocks until ctx ends or a component fails, stops all stages and returns the first failure.
func (s *stages) run(ctx context.Context) error {
	failed := make(chan error, 1) // the first failure; later ones follow from it
	cancels := make([]context.CancelFunc, len(s.list))
	groups := make([]sync.WaitGroup, len(s.list))
	for i, st := range s.list {
		stageCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		cancels[i] = cancel
		for _, p := range st.parts {
			groups[i].Go(func() {
				err := p.run(stageCtx)
				if stageCtx.Err() != nil && (err == nil || errors.Is(err, context.Canceled)) {
					return
				}
				if err == nil {
					err = errors.New("ended by itself")
				}
				select {
				case failed <- fmt.Errorf("%s: %w", p.name, err):
				default:
				}
			})
		}
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	for i := len(s.list) - 1; i >= 0; i-- {
		cancels[i]()
		if !waitFor(&groups[i], s.list[i].limit) {
			err = errors.Join(err, fmt.Errorf("%s did not stop within %s", s.list[i].name, s.list[i].limit))
		}
	}
	if err == nil {
		select {
		case err = <-failed: // while stopping
		default:
		}
	}
	return err
}

func waitFor(g *sync.WaitGroup, limit time.Duration) bool {
	done := make(chan struct{})
	go func() { g.Wait(); close(done) }()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}
