package app

import (
	"context"
	_ "embed"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/eventstore/postgres"
	"github.com/ordo-platform/ordo/internal/command"
	"github.com/ordo-platform/ordo/internal/consumer"
	db "github.com/ordo-platform/ordo/internal/postgres"
	"github.com/ordo-platform/ordo/sagas"
)

const (
	// turnClass keeps our advisory locks apart from those of others in the database.
	turnClass = 0x6f72646f // "ordo"

	// turnSlots is how many different turns there are: streams are spread over them. The server keeps locks in a small shared
	// memory, so a batch must not take one for each stream.
	turnSlots = 128
)

//go:embed sql/take_turns.sql
var takeTurnsSQL string

// reactorHandler is a service's part of the process as the consumer runtime runs it: react, decide and append in the
// transaction that moves the checkpoint. A conflict with another writer rolls the batch back, and the runtime does it again.
type reactorHandler struct {
	reactor  *sagas.Reactor
	commands *command.Handler
	store    *postgres.Store
}

// Handle implements consumer.Handler.
func (h reactorHandler) Handle(ctx context.Context, tx pgx.Tx, events []eventstore.Recorded) error {
	reactions, err := h.reactor.React(events, time.Now().UTC())
	if err != nil || len(reactions) == 0 {
		return err
	}
	if err := takeTurns(ctx, tx, reactions); err != nil {
		return err
	}
	appends, err := h.commands.React(ctx, h.store.ReaderTx(tx), reactions)
	if err != nil || len(appends) == 0 {
		return err
	}
	stage, err := h.store.StageTx(ctx, tx, appends...)
	if err != nil {
		return err
	}
	consumer.AfterCommit(ctx, h.store.Notify) // what was appended can be published
	return db.AtCommit(ctx, tx, stage)
}

// takeTurns waits for the batches of other partitions that want the same streams, as many orders want one SKU. Without, all
// of them would read and decide, and all but the first to append would have done so in vain, again and again. It saves
// work only: that nothing is decided on what is no longer true is up to the versions that appends expect.
//
// Streams with the key of the event that causes the reaction are this partition's alone.
func takeTurns(ctx context.Context, tx pgx.Tx, reactions []sagas.Caused) error {
	var slots []int32
	for _, r := range reactions {
		for _, c := range r.Try {
			if key := eventstore.StreamID(c.Stream()).Key(); key != r.Cause.Stream.Key() {
				slots = append(slots, eventstore.PartitionOf(key, turnSlots))
			}
		}
	}
	if len(slots) == 0 {
		return nil
	}
	slices.Sort(slots)
	_, err := tx.Exec(ctx, takeTurnsSQL, pgx.StrictNamedArgs{"class": turnClass, "slots": slices.Compact(slots)})
	if err != nil {
		return fmt.Errorf("take turns: %w", err)
	}
	return nil
}
