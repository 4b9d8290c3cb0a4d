package projections

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/ordo-platform/ordo/eventstore"
)

// Projector feeds a read model live. It holds no state between batches, so any number of partitions may use one at once.
type Projector[R any] struct {
	model Model[R]
}

// NewProjector returns a projector of model.
func NewProjector[R any](model Model[R]) *Projector[R] {
	return &Projector[R]{model}
}

// Handle applies a batch within tx, which the caller commits together with the checkpoint of the batch: one statement to
// load and one to save, whatever the size, and one more where sums are kept. All events of a row must come through one partition, oldest first.
//
// An error leaves nothing behind that the caller may commit. Errors worth telling apart: *[EventError] (the event itself)
// and *[OvertakenError] (someone is ahead); others come from the database.
func (p *Projector[R]) Handle(ctx context.Context, tx pgx.Tx, events []eventstore.Recorded) error {
	changes, err := p.model.changes(events)
	if err != nil || len(changes) == 0 {
		return err
	}
	rows, err := p.model.Load(ctx, tx, touched(changes))
	if err != nil {
		return err
	}
	moved := shares{}
	p.model.share(moved, rows, -1)
	if err := p.model.fold(rows, changes); err != nil {
		return err
	}
	p.model.share(moved, rows, 1)
	if err := p.model.save(ctx, tx, rows); err != nil || p.model.Rollup == nil {
		return err
	}
	return p.model.Rollup.add(ctx, tx, moved)
}

// touched lists the keys of changes, each once.
func touched(changes []change) []string {
	seen := make(map[string]bool, len(changes))
	var keys []string
	for _, c := range changes {
		if !seen[c.key] {
			seen[c.key] = true
			keys = append(keys, c.key)
		}
	}
	return keys
}
