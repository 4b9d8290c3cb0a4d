package payments

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

// lanes bound the work under way. What takes long moves from the quick lane to the slow one, as long as there is room,
// and so makes room for others.
type lanes struct {
	quick, slow *semaphore.Weighted
}

// enter waits for room in the quick lane and takes all there is.
func (l *lanes) enter(ctx context.Context) (n int, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if err := l.quick.Acquire(ctx, 1); err != nil {
		return 0, err
	}
	for n = 1; n < concurrency && l.quick.TryAcquire(1); n++ {
	}
	return n, nil
}

// leave gives back what was taken and is not needed.
func (l *lanes) leave(n int) { l.quick.Release(int64(n)) }

// stay is called by work that has a place in the quick lane, and its result when the work is done.
func (l *lanes) stay() (done func()) {
	var mu sync.Mutex
	at := l.quick
	timer := time.AfterFunc(patience, func() {
		mu.Lock()
		defer mu.Unlock()
		if at != nil && l.slow.TryAcquire(1) {
			at.Release(1)
			at = l.slow
		}
	})
	return func() {
		timer.Stop()
		mu.Lock()
		defer mu.Unlock()
		at.Release(1)
		at = nil
	}
}
