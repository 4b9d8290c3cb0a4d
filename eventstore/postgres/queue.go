package postgres

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ordo-platform/ordo/eventstore"
)

// waiting is an append between its caller and the writer.
type waiting struct {
	*prepared
	abandoned atomic.Bool // the caller has gone

	done   chan struct{} // closed by settle
	commit eventstore.Commit
	err    error
}

// settle tells the caller the result. It is called once.
func (w *waiting) settle(commit eventstore.Commit, err error) {
	w.commit, w.err = commit, err
	close(w.done)
}

// queue holds the appends that wait for the writer, in the order they came.
type queue struct {
	config Config
	ready  chan struct{} // has a token when there may be appends

	mu      sync.Mutex
	appends []*waiting
	bytes   int
	closed  bool
}

func (q *queue) init(cfg Config) {
	q.config = cfg
	q.ready = make(chan struct{}, 1)
}

func (q *queue) push(w *waiting) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		return eventstore.ErrClosed
	case len(q.appends) >= q.config.MaxQueue,
		len(q.appends) > 0 && q.bytes+w.bytes > q.config.MaxQueueBytes:
		return eventstore.ErrBusy
	}
	q.appends = append(q.appends, w)
	q.bytes += w.bytes
	if len(q.appends) == 1 {
		q.signal()
	}
	return nil
}

func (q *queue) signal() {
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// take removes the appends of the next group; none if nobody waits. Those whose callers have gone are dropped: after an
// overload, work that nobody waits for would delay the work somebody does.
func (q *queue) take() []*waiting {
	q.mu.Lock()
	defer q.mu.Unlock()
	var group []*waiting
	taken, rows, bytes := 0, 0, 0
	for _, w := range q.appends {
		if w.abandoned.Load() {
			q.bytes -= w.bytes
			taken++
			continue
		}
		if len(group) > 0 && (rows+w.rows > q.config.MaxGroupEvents || bytes+w.bytes > q.config.MaxGroupBytes) {
			break
		}
		group = append(group, w)
		rows += w.rows
		bytes += w.bytes
		taken++
	}
	q.bytes -= bytes
	clear(q.appends[:taken]) // the array lives on
	q.appends = q.appends[taken:]
	if len(q.appends) == 0 {
		q.appends = nil
	} else {
		q.signal()
	}
	return group
}

// gatherQuiet is how long no caller must have come before a group closes.
const gatherQuiet = 20 * time.Microsecond

// gather lets callers in that are about to push: above all those of the group before, whose results have made them
// runnable just now. Without, they would miss this group and wait for two commits, and 64 busy callers would form two
// groups of 32 that take turns. It yields instead of sleeping, because no timer is that short; for a lone append it costs
// gatherQuiet.
func (q *queue) gather() {
	grown, last := time.Now(), q.len()
	for time.Since(grown) < gatherQuiet {
		runtime.Gosched()
		if now := q.len(); now > last {
			grown, last = time.Now(), now
		}
	}
}

func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.appends)
}

// close makes push refuse. What is in the queue stays there.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
}
