package app

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/eventstore/postgres"
	"github.com/ordo-platform/ordo/internal/command"
	"github.com/ordo-platform/ordo/sagas"
)

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
	appends, err := h.commands.React(ctx, h.store.ReaderTx(tx), reactions)
	if err != nil || len(appends) == 0 {
		return err
	}
	_, err = h.store.AppendTx(ctx, tx, appends...)
	return err
}
