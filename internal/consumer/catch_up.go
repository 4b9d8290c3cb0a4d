package consumer

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ordo-platform/ordo/eventstore"
)

// CatchUp returns nil once a consumer has applied everything that was in the log when it was called, and ctx's error if that
// ends first. Unlike [Waiter.WaitFor] it asks the log, so it knows without the brokers what there is to apply.
func CatchUp(ctx context.Context, pool *pgxpool.Pool, consumer, topic string, log Source) error {
	var head eventstore.Position
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, 200*time.Millisecond) {
		applied, err := Applied(ctx, pool, consumer, topic)
		if err != nil {
			return err
		}
		unseen, err := log.Unseen(ctx, SeenOf(applied))
		if err != nil {
			return err
		}
		if head == 0 {
			head = unseen.Head
		}
		if unseen.First == 0 || unseen.First > head {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}
