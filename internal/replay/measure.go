package replay

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/readmodels"
	"github.com/ordo-platform/ordo/projections"
)

// measured is how many events are folded to say how long all would take.
const measured = 20_000

// Size is about how much there is to do.
type Size struct {
	Events   int64
	Rows     int64 // live, as the server estimates
	Bytes    int64 // of the live tables with their indexes
	Measured int
	Estimate time.Duration // for reading and folding; writing comes on top
}

// Measure says what a replay would have to do. It changes nothing.
func Measure(ctx context.Context, model readmodels.Kept, pool *pgxpool.Pool, log Log) (Size, error) {
	var s Size
	head, _, err := log.Tails(ctx)
	if err != nil {
		return s, err
	}
	s.Events = int64(head)
	for _, table := range model.Tables {
		var rows, bytes int64
		err := pool.QueryRow(ctx, `
			SELECT (SELECT count(*) FROM `+pgx.Identifier{table.Name}.Sanitize()+`), sum(pg_total_relation_size(c.oid))::bigint
			FROM generations g
			JOIN pg_namespace n ON n.nspname = g.model || '_g' || g.number
			JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = $2
			WHERE g.model = $1 AND g.state = 'live'`, model.Name, table.Name).Scan(&rows, &bytes)
		if err != nil {
			return s, err
		}
		s.Rows, s.Bytes = s.Rows+rows, s.Bytes+bytes
	}
	began := time.Now()
	bulk := model.Bulk("", projections.BulkOptions{Empty: true}) // is never flushed
	for after := eventstore.Position(0); s.Measured < measured && after < head; {
		events, err := log.ReadLog(ctx, after, page)
		if err != nil {
			return s, err
		}
		if err := bulk.Add(ctx, nil, events); err != nil {
			return s, err
		}
		s.Measured += len(events)
		after = events[len(events)-1].Position
	}
	if s.Measured > 0 {
		s.Estimate = time.Duration(float64(time.Since(began)) * float64(s.Events) / float64(s.Measured))
	}
	return s, nil
}
