package load

import (
	"fmt"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/ordo-platform/ordo/internal/client"
)

// unknownOutcome is what is noted of an order of which nobody knows whether it was placed.
const unknownOutcome = "outcome_unknown"

// books are what is known of the orders of a run. What the API answers and what the topic tells come in any order.
type books struct {
	mu       sync.Mutex
	orders   map[string]*tracked // by id, also those that are not known to be ours yet
	total    int
	unended  int // placed, and not ended
	refusals map[string]int
	place    *hdrhistogram.Histogram
	fates    map[Fate]*tally
	began    time.Time // of what is measured
	lastSent time.Time
	lastEnd  time.Time
	answered int
	measured int // of those that ended

	confirmed []string // ids of orders to be shipped now
}

// tracked is one order as far as it is known.
type tracked struct {
	id      string
	sent    *sent // nil: the topic was faster than the answer
	closed  bool  // counted
	status  client.Status
	endedAt time.Time
}

// tally sums up the orders of one fate.
type tally struct {
	orders   int
	statuses map[client.Status]int
	latency  *hdrhistogram.Histogram // until they ended as they should
}

// newHistogram counts durations from 1 µs to 10 minutes, to three digits.
func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, (10 * time.Minute).Microseconds(), 3)
}

func newBooks() *books {
	return &books{orders: map[string]*tracked{}, refusals: map[string]int{}, place: newHistogram(), fates: map[Fate]*tally{}}
}

// begin says that the warm-up is over.
func (b *books) begin(at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.began = at
}

func (b *books) sent(o *sent) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.total++
	b.lastSent = o.due
}

func (b *books) refused(_ *sent, code string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refusals[code]++
}

// placed notes that an order was placed.
func (b *books) placed(s *sent, id string, at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.fates[s.fate]
	if t == nil {
		t = &tally{statuses: map[client.Status]int{}, latency: newHistogram()}
		b.fates[s.fate] = t
	}
	t.orders++
	b.unended++
	if s.measured {
		b.answered++
		record(b.place, at.Sub(s.due))
	}
	o := b.orders[id]
	if o == nil {
		o = &tracked{id: id}
		b.orders[id] = o
	}
	o.sent = s
	if o.status != "" {
		b.close(o)
	}
}

// goesOn tells whether an order that has come to a status is to leave it again: it is shipped next, or being cancelled.
func (o *tracked) goesOn() bool {
	f := fates[o.sent.fate]
	return o.status == client.StatusConfirmed && (f.ship || f.cancel)
}

// ended notes that an order, ours or not, has come to a status that it may end in.
func (b *books) ended(id string, status client.Status, at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	o := b.orders[id]
	if o == nil {
		o = &tracked{id: id}
		b.orders[id] = o
	}
	if o.status != "" && (o.status != client.StatusConfirmed || status == client.StatusConfirmed) {
		return
	}
	if o.closed {
		return
	}
	o.status, o.endedAt = status, at
	if o.sent != nil {
		b.close(o)
	}
}

// close counts an order that is placed and has ended. b.mu is held.
func (b *books) close(o *tracked) {
	if o.goesOn() {
		if fates[o.sent.fate].ship {
			b.confirmed = append(b.confirmed, o.id)
		}
		return
	}
	o.closed = true
	b.unended--
	t := b.fates[o.sent.fate]
	t.statuses[o.status]++
	if o.endedAt.After(b.lastEnd) {
		b.lastEnd = o.endedAt
	}
	if o.sent.measured {
		b.measured++
		record(t.latency, o.endedAt.Sub(o.sent.due))
	}
}

// toShip returns the orders to be shipped now, each once.
func (b *books) toShip() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	ids := b.confirmed
	b.confirmed = nil
	return ids
}

func (b *books) open() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.unended
}

func (b *books) progress() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	placed := 0
	for _, t := range b.fates {
		placed += t.orders
	}
	refused := 0
	for _, n := range b.refusals {
		refused += n
	}
	return fmt.Sprintf("sent %d, placed %d (p99 %s), ended %d, refused %d", b.total, placed, quantile(b.place, 99), placed-b.unended, refused)
}

func record(h *hdrhistogram.Histogram, d time.Duration) {
	_ = h.RecordValue(min(max(d.Microseconds(), 1), h.HighestTrackableValue())) // in range, so it cannot fail
}

func quantile(h *hdrhistogram.Histogram, q float64) time.Duration {
	return time.Duration(h.ValueAtQuantile(q)) * time.Microsecond
}
