package history

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/ordo-platform/ordo/eventstore/postgres"
)

// Filled is what became of a history.
type Filled struct {
	Stored, Known int64 // events that are new, and that were there
}

// Fill imports a history into the logs of the services, each on a goroutine of its own. It can be broken off and repeated:
// what is there is recognised. tell, if given, hears how many events are done; it must return at once.
func Fill(ctx context.Context, logs map[string]*postgres.Importer, cfg Config, tell func(done Filled)) (Filled, error) {
	work, ctx := errgroup.WithContext(ctx)
	results := make(chan postgres.Imported)
	chunks := make(map[string]*chunker, len(logs))
	for service, log := range logs {
		c := &chunker{full: make(chan postgres.Chunk, 1)}
		chunks[service] = c
		work.Go(func() error { return store(ctx, service, log, c.full, results) })
	}
	work.Go(func() error {
		defer func() {
			for _, c := range chunks {
				close(c.full)
			}
		}()
		err := Generate(cfg, func(service string, row postgres.Row) error {
			c := chunks[service]
			if c == nil {
				return fmt.Errorf("no log of %s to fill", service)
			}
			return c.add(ctx, row)
		})
		for _, c := range chunks {
			err = errors.Join(err, c.flush(ctx))
		}
		return err
	})
	var total Filled
	counted := make(chan struct{})
	go func() {
		defer close(counted)
		for r := range results {
			total.Stored += int64(r.Stored)
			total.Known += int64(r.Known)
			if tell != nil {
				tell(total)
			}
		}
	}()
	err := work.Wait()
	close(results)
	<-counted
	return total, err
}

func store(ctx context.Context, service string, log *postgres.Importer, chunks <-chan postgres.Chunk, done chan<- postgres.Imported) error {
	for c := range chunks {
		imported, err := log.Import(ctx, c)
		if err != nil {
			return fmt.Errorf("fill log of %s: %w", service, err)
		}
		done <- imported
	}
	return nil
}

// chunker collects the events of one log.
type chunker struct {
	rows  []postgres.Row
	bytes int
	full  chan postgres.Chunk
}

func (c *chunker) add(ctx context.Context, row postgres.Row) error {
	c.rows = append(c.rows, row)
	c.bytes += len(row.Data) + len(row.RawMetadata)
	if len(c.rows) < postgres.MaxChunkEvents && c.bytes < postgres.MaxChunkBytes {
		return nil
	}
	return c.flush(ctx)
}

func (c *chunker) flush(ctx context.Context) error {
	if len(c.rows) == 0 {
		return nil
	}
	chunk, err := postgres.NewChunk(c.rows)
	if err != nil {
		return err
	}
	c.rows, c.bytes = make([]postgres.Row, 0, len(c.rows)), 0
	select {
	case c.full <- chunk:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
