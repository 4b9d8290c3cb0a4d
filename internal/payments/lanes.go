package payments

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

// lanes bound the work under way. What takes long moves from the quick lane to the slow one, as long as there is room, and so
// makes room for others. What the provider has answered leaves its lane, but stays in hand until it is recorded.
type lanes struct {
	inHand, quick, slow *semaphore.Weighted
}

func newLanes() lanes {
	return lanes{semaphore.NewWeighted(inHand), semaphore.NewWeighted(concurrency), semaphore.NewWeighted(slow)}
}

// enter waits for room in the quick lane and takes all there is.
func (l *lanes) enter(ctx context.Context) (n int, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if err := l.inHand.Acquire(ctx, 1); err != nil {
		return 0, err
	}
	if err := l.quick.Acquire(ctx, 1); err != nil {
		l.inHand.Release(1)
		return 0, err
	}
	for n = 1; n < concurrency && l.inHand.TryAcquire(1); n++ {
		if !l.quick.TryAcquire(1) {
			l.inHand.Release(1)
			break
		}
	}
	return n, nil
}

// leave gives back what was taken and is not needed.
func (l *lanes) leave(n int) {
	l.quick.Release(int64(n))
	l.inHand.Release(int64(n))
}

// done is called by work that is no longer in hand.
func (l *lanes) done() { l.inHand.Release(1) }

// stay is called by work that has a place in the quick lane, and its result when the work needs it no more.
func (l *lanes) stay() (answered func()) {
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
