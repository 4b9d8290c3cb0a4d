package projections

import (
	"context"
	"sync"
	"time"
)

// gatherTimeout bounds one statement for many callers, none of whom may break it off for the others.
const gatherTimeout = 5 * time.Second

// Gatherer reads rows by their keys for many callers at once: while one statement runs, those who come next gather, and share
// the one after it. So a busy program asks as often as the database answers, not as often as it is asked. A caller never
// gets an answer to a statement that began before the call.
type Gatherer[R any] struct {
	name string
	load func(ctx context.Context, keys []string) (map[string]R, error)

	mu      sync.Mutex
	running bool
	next    *gathering[R] // those who wait for the statement after the one that runs
}

// gathering is those who share a statement, and its result once done is closed.
type gathering[R any] struct {
	keys []string
	done chan struct{}
	rows map[string]R
	err  error
}

// NewGatherer returns a gatherer of rows of a read model. load gets keys, some of them perhaps twice, and returns the rows that exist.
func NewGatherer[R any](readModel string, load func(ctx context.Context, keys []string) (map[string]R, error)) *Gatherer[R] {
	return &Gatherer[R]{name: readModel, load: load}
}

// Get returns the row of a key, or a *[NotFoundError].
func (g *Gatherer[R]) Get(ctx context.Context, key string) (R, error) {
	mine := g.join(ctx, key)
	var none R
	select {
	case <-ctx.Done():
		return none, ctx.Err()
	case <-mine.done:
	}
	if mine.err != nil {
		return none, mine.err
	}
	row, ok := mine.rows[key]
	if !ok {
		return none, &NotFoundError{ReadModel: g.name, Key: key}
	}
	return row, nil
}

func (g *Gatherer[R]) join(ctx context.Context, key string) *gathering[R] {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.next == nil {
		g.next = &gathering[R]{done: make(chan struct{})}
	}
	mine := g.next
	mine.keys = append(mine.keys, key)
	if !g.running {
		g.running = true
		go g.run(context.WithoutCancel(ctx))
	}
	return mine
}

// run answers until nobody waits.
func (g *Gatherer[R]) run(ctx context.Context) {
	for {
		g.mu.Lock()
		now := g.next
		g.next, g.running = nil, now != nil
		g.mu.Unlock()
		if now == nil {
			return
		}
		g.answer(ctx, now)
	}
}

func (g *Gatherer[R]) answer(ctx context.Context, now *gathering[R]) {
	defer close(now.done)
	ctx, cancel := context.WithTimeout(ctx, gatherTimeout)
	defer cancel()
	now.rows, now.err = g.load(ctx, now.keys)
}
