package relay

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/kafka"
)

// A read of the log returns about pageBytes, judged by the events of the read before, so memory does not grow with the size of
// events. It is also by how much a batch can exceed its limit of bytes.
const (
	pageBytes = 1 << 20
	firstPage = 100 // events
	minPage   = 4
	maxPage   = 4000
)

// batch is what one transaction publishes.
type batch struct {
	records  []*kgo.Record
	bytes    int
	position eventstore.Position   // of the last event that was read, published or left out
	tails    []eventstore.Position // after this batch
}

// reader turns the log into batches. It belongs to one goroutine.
type reader struct {
	relay *Relay
	next  batch // grows until the publisher takes it
	sent  eventstore.Position
	page  int           // events to ask for
	poll  time.Duration // until the next look, when nothing wakes us: short while such looks find events
	ahead chan page     // of a backlog, the page after next.position is being read; nil else
}

// page is what a read of the log has found.
type page struct {
	events []eventstore.Recorded
	more   bool // the log has more, or may have
	err    error
}

// read hands over batches until ctx ends. A batch is read when the publisher is free, so it holds whatever has been committed
// since the one before: a lone event leaves at once. A backlog is read on while the publisher is busy, and leaves in large
// transactions.
func (r *Relay) read(ctx context.Context, from origin, batches chan<- batch, published <-chan struct{}) error {
	rd := reader{relay: r, page: firstPage, poll: r.cfg.MinPoll, sent: from.after}
	rd.next = batch{position: from.after, tails: from.tails}
	ctx, cancel := context.WithCancel(ctx)
	defer func() { cancel(); rd.finish() }()
	if !from.found {
		rd.sent = -1 // publish a checkpoint at once, whatever the log holds
	}
	wake := r.cfg.Wake
	timer := time.NewTimer(0)
	defer timer.Stop()
	due, looking := true, true // the log is to be read, not only because something woke us
	backlog := false           // the log has more than was read
	busy := false              // the publisher is
	for {
		if (due && !busy || backlog) && !rd.full() {
			var err error
			if backlog, err = rd.fill(ctx, looking); err != nil {
				return err
			}
			due, looking = false, false
			if !backlog {
				timer.Reset(rd.poll)
			}
		}
		var out chan<- batch
		if rd.ready() && !busy {
			out = batches
		}
		if backlog && out == nil && !rd.full() { // the batch grows until the publisher is free
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-published:
				busy = false
			default:
			}
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case out <- rd.next:
			rd.handedOver()
			busy = true
		case <-published:
			busy = false
		case <-timer.C:
			due, looking = true, true
		case _, open := <-wake:
			if !open {
				wake = nil // no one is going to wake us any more
			}
			due = true
		}
	}
}

func (rd *reader) full() bool {
	return len(rd.next.records) >= rd.relay.cfg.MaxBatch || rd.next.bytes >= rd.relay.cfg.MaxBatchBytes
}

// ready also is a batch without records that moves the checkpoint: what it read had been published by a transaction whose
// checkpoint is lost.
func (rd *reader) ready() bool { return rd.next.position > rd.sent }

func (rd *reader) handedOver() {
	rd.sent = rd.next.position
	rd.next = batch{position: rd.next.position, tails: slices.Clone(rd.next.tails)}
}

// fill puts a page into the next batch and says whether the log has more. Then the page after it is asked for before this one
// becomes records, so that database and relay work at the same time.
func (rd *reader) fill(ctx context.Context, looking bool) (more bool, err error) {
	cfg := &rd.relay.cfg
	p := rd.take(ctx)
	if p.err != nil {
		return false, fmt.Errorf("read log after %d: %w", rd.next.position, p.err)
	}
	if len(p.events) > 0 {
		size := 0
		for i := range p.events {
			size += len(p.events[i].Data)
		}
		rd.page = min(max(minPage, pageBytes/max(1, size/len(p.events))), maxPage)
		if looking { // others append, who do not wake us
			rd.poll = cfg.MinPoll
		}
		if room := cfg.MaxBatch - len(rd.next.records) - len(p.events); p.more && room > 0 {
			rd.ahead = make(chan page, 1)
			go rd.look(ctx, p.events[len(p.events)-1].Position, min(rd.page, room), rd.ahead)
		}
	} else if !p.more {
		if looking {
			rd.poll = min(2*rd.poll, cfg.MaxPoll)
		}
		if !rd.ready() {
			rd.relay.status.idle()
		}
	}
	for i := range p.events {
		if err := rd.add(&p.events[i]); err != nil {
			return false, err
		}
	}
	return p.more, nil
}

// take returns the page after the next batch's position.
func (rd *reader) take(ctx context.Context) page {
	found := rd.ahead
	if found == nil {
		found = make(chan page, 1)
		rd.look(ctx, rd.next.position, min(rd.page, rd.relay.cfg.MaxBatch-len(rd.next.records)), found)
		return <-found
	}
	rd.ahead = nil
	p := <-found
	p.more = true // what was not there when it was read may be there by now
	return p
}

func (rd *reader) look(ctx context.Context, after eventstore.Position, limit int, found chan<- page) {
	events, err := rd.relay.cfg.Log.ReadLog(ctx, after, limit)
	found <- page{events: events, more: len(events) == limit, err: err}
}

// finish waits for the page that nobody will take, once its context has ended.
func (rd *reader) finish() {
	if rd.ahead != nil {
		<-rd.ahead
	}
}

// add puts an event into the batch, unless its partition has it already. The checks cost nothing and would find a log that
// was restored, or one that breaks its own promise.
func (rd *reader) add(e *eventstore.Recorded) error {
	b := &rd.next
	if e.Position != b.position+1 {
		return rd.differs(e, "position %d follows %d", e.Position, b.position)
	}
	if e.Partition < 0 || int(e.Partition) >= len(b.tails) {
		return rd.differs(e, "event %d is for partition %d of %d", e.Position, e.Partition, len(b.tails))
	}
	b.position = e.Position
	tail := &b.tails[e.Partition]
	if e.Position <= *tail {
		return nil // published before
	}
	if *tail != 0 && e.Prev != *tail {
		return rd.differs(e, "event %d of partition %d follows %d, not %d", e.Position, e.Partition, e.Prev, *tail)
	}
	*tail = e.Position
	b.records = append(b.records, kafka.Record(rd.relay.cfg.Service, *e))
	b.bytes += len(e.Data)
	return nil
}

func (rd *reader) differs(e *eventstore.Recorded, format string, args ...any) error {
	return &HistoryError{Service: rd.relay.cfg.Service, Published: max(0, rd.sent), Head: e.Position, Reason: fmt.Sprintf(format, args...)}
}
