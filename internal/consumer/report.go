package consumer

import (
	"context"
	_ "embed"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ordo-platform/ordo/eventstore"
)

//go:embed sql/read_members.sql
var readMembersSQL string

// Report is how a consumer is doing, as it can be told from outside the processes that run it.
type Report struct {
	Position eventstore.Position // of the last event applied, of all partitions
	Behind   eventstore.Unseen   // what is stored and not applied
	Parked   int64               // events that wait as dead letters
	Members  int64               // processes that say they run it
	BeatAt   *time.Time          // newest sign of life of their loops; nil: none, ever
	Error    string              // what one of them says is wrong
}

// NewReport asks the consumer's database, and the log of the service whose events it applies.
func NewReport(ctx context.Context, pool *pgxpool.Pool, consumer, topic string, log Source) (r Report, err error) {
	applied, err := Applied(ctx, pool, consumer, topic)
	if err != nil {
		return r, err
	}
	for _, position := range applied {
		r.Position = max(r.Position, position)
	}
	if r.Behind, err = log.Unseen(ctx, SeenOf(applied)); err != nil {
		return r, err
	}
	err = pool.QueryRow(ctx, readMembersSQL, pgx.StrictNamedArgs{"consumer": consumer}).Scan(&r.Members, &r.BeatAt, &r.Error, &r.Parked)
	if err != nil {
		return r, fmt.Errorf("members of %s: %w", consumer, err)
	}
	return r, nil
}
