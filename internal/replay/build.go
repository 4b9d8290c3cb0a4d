package replay

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/consumer"
	"github.com/ordo-platform/ordo/internal/generations"
	"github.com/ordo-platform/ordo/projections"
)

// page is how many events one statement reads.
const page = 5000

// vector is a position for each partition of a log.
type vector []eventstore.Position

// reaches says whether v is as far as w in every partition.
func (v vector) reaches(w vector) bool {
	return !slices.ContainsFunc(w.missing(v), func(n int64) bool { return n > 0 })
}

// missing is how far w is behind v, by partition.
func (v vector) missing(w vector) []int64 {
	by := make([]int64, len(v))
	for p, position := range v {
		have := eventstore.Position(0)
		if p < len(w) {
			have = w[p]
		}
		by[p] = max(0, int64(position-have))
	}
	return by
}

// builder fills the tables of a generation. Each slice of the keys is a worker's: the partitions of the log whose number
// leaves the same rest.
type builder struct {
	config     Config
	lease      *lease
	generation generations.Generation
	applied    vector // what is in the tables
	workers    []*worker
	progress   *progress
}

type worker struct {
	bulk projections.Bulk
	part []eventstore.Recorded // of the chunk in hand
	to   map[int32]eventstore.Position
}

// newBuilder finds out how far the generation is.
func newBuilder(
	ctx context.Context, c Config, l *lease, g generations.Generation, p *progress, only map[string]bool,
) (*builder, error) {
	_, tails, err := c.Log.Tails(ctx)
	if err != nil {
		return nil, err
	}
	b := &builder{config: c, lease: l, generation: g, progress: p, applied: make(vector, len(tails))}
	applied, err := consumer.Applied(ctx, c.Pool, b.consumer(), c.topic())
	if err != nil {
		return nil, err
	}
	for partition, position := range applied {
		b.applied[partition] = position
	}
	for range min(c.Concurrency, max(1, len(tails))) {
		b.workers = append(b.workers, &worker{bulk: c.Model.Bulk(g.Schema(), projections.BulkOptions{Empty: len(applied) == 0, Only: only})})
	}
	return b, nil
}

func (b *builder) consumer() string { return b.generation.Consumer(b.config.Model.Consumer()) }

// feed brings the generation to a vector: exactly the events up to it are in the tables.
func (b *builder) feed(ctx context.Context, to vector) error {
	if b.applied.reaches(to) {
		return nil
	}
	g, ctx := errgroup.WithContext(ctx)
	chunks := make(chan []eventstore.Recorded, 1) // one is read while another is folded
	g.Go(func() error {
		defer close(chunks)
		return b.read(ctx, b.start(to), slices.Max(to), chunks)
	})
	g.Go(func() error {
		whole := true // nothing was left out so far
		for chunk := range chunks {
			leftOut, err := b.fold(ctx, chunk, to)
			if err != nil {
				return err
			}
			whole = whole && !leftOut
			last := chunk[len(chunk)-1].Position
			if whole {
				b.generation.BuiltTo = last
			}
			if err := b.record(ctx); err != nil {
				return err
			}
			b.progress.at(last, len(chunk))
		}
		return nil
	})
	return g.Wait()
}

// start is the position after which there is something to read.
func (b *builder) start(to vector) eventstore.Position {
	first := eventstore.Position(-1)
	for partition, missing := range to.missing(b.applied) {
		if at := b.applied[partition]; missing > 0 && (first < 0 || at < first) {
			first = at
		}
	}
	return max(first, b.generation.BuiltTo)
}

// read sends the events of the log from after to last in chunks.
func (b *builder) read(ctx context.Context, after, last eventstore.Position, chunks chan<- []eventstore.Recorded) error {
	for after < last {
		chunk := make([]eventstore.Recorded, 0, b.config.Chunk)
		for len(chunk) < b.config.Chunk && after < last {
			events, err := b.config.Log.ReadLog(ctx, after, min(page, int(last-after)))
			if err != nil {
				return err
			}
			if len(events) == 0 {
				return fmt.Errorf("the log of %s ends at %d, and the read model has been at %d", b.config.Model.Source, after, last)
			}
			chunk = append(chunk, events...)
			after = events[len(events)-1].Position
		}
		select {
		case chunks <- chunk:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// fold applies a chunk, each slice in a transaction of its own. LeftOut says that there was more than to allows.
func (b *builder) fold(ctx context.Context, chunk []eventstore.Recorded, to vector) (leftOut bool, err error) {
	for _, w := range b.workers {
		w.part, w.to = w.part[:0], map[int32]eventstore.Position{}
	}
	for _, e := range chunk {
		switch {
		case e.Position > to[e.Partition]:
			leftOut = true
		case e.Position > b.applied[e.Partition]:
			w := b.workers[int(e.Partition)%len(b.workers)]
			w.part = append(w.part, e)
			w.to[e.Partition] = e.Position
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	for _, w := range b.workers {
		if len(w.part) > 0 {
			g.Go(func() error { return b.apply(ctx, w) })
		}
	}
	if err := g.Wait(); err != nil {
		return false, err
	}
	for _, w := range b.workers {
		for partition, position := range w.to {
			b.applied[partition] = position
		}
		b.generation.Events += int64(len(w.part))
	}
	return leftOut, nil
}

// apply is the work of one worker on one chunk: rows and checkpoints move together.
func (b *builder) apply(ctx context.Context, w *worker) error {
	if err := w.bulk.Add(ctx, b.config.Pool, w.part); err != nil {
		return err
	}
	return b.lease.guarded(ctx, func(tx pgx.Tx) error {
		// A crash of the server may undo the last of these, rows and checkpoint alike: then they are done again.
		if _, err := tx.Exec(ctx, "SET LOCAL synchronous_commit = off"); err != nil {
			return err
		}
		if err := w.bulk.Flush(ctx, tx); err != nil {
			return err
		}
		return consumer.Advance(ctx, tx, b.consumer(), b.config.topic(), w.to)
	})
}

// record notes how far the generation is.
func (b *builder) record(ctx context.Context) error {
	return b.lease.guarded(ctx, func(tx pgx.Tx) error { return generations.Record(ctx, tx, b.generation) })
}

// enter notes that the generation has come to a state.
func (b *builder) enter(ctx context.Context, state generations.State) error {
	b.generation.State = state
	return b.record(ctx)
}

// progress counts what a run has done and tells it.
type progress struct {
	tell    func(Progress)
	now     Progress
	started time.Time
}

func (p *progress) phase(phase Phase, target eventstore.Position) {
	p.now.Phase, p.now.Target, p.started = phase, max(p.now.Target, target), time.Now()
	p.now.Events, p.now.Rate, p.now.ETA = 0, 0, 0
	p.tell(p.now)
}

func (p *progress) at(position eventstore.Position, events int) {
	p.now.Position = max(p.now.Position, position)
	p.now.Events += int64(events)
	p.now.Lag = max(0, int64(p.now.Target-p.now.Position))
	if took := time.Since(p.started).Seconds(); took > 0 {
		p.now.Rate = float64(p.now.Events) / took
		p.now.ETA = time.Duration(float64(p.now.Lag) / p.now.Rate * float64(time.Second))
	}
	p.tell(p.now)
}
