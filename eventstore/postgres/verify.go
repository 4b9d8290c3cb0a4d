package postgres

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ordo-platform/ordo/eventstore"
)

// stretchEvents is about how many events are checked as one piece of work.
const stretchEvents = 16384

// VerifyConfig is what a verification can be told. Zero fields mean the defaults.
type VerifyConfig struct {
	// From is the position to begin at, 0 for the beginning: the commit it is in is the first that is checked, and the link
	// before that commit is taken at its word.
	From eventstore.Position

	// Heads are links of the chain that were kept outside the database. Each must still be in the chain.
	Heads []eventstore.Link

	// Workers read and hash side by side, each on a connection of the pool. Default: one per processor.
	Workers int

	// Progress, if set, is told now and then how many of the events have been checked. Calls do not overlap.
	Progress func(checked, total int64)
}

// Verification is what a verification came to.
type Verification struct {
	Head    eventstore.Link // where the log ended when the verification began
	Events  int64           // checked
	Finding *Finding        // the first thing wrong, nil if there is none
}

// Verify compares the log with its hash chain, from VerifyConfig.From to the head, and checks what else must follow from
// the log. What is appended meanwhile is not looked at, and appends are not held up: every read is a short statement of
// its own. Memory does not grow with the log.
//
// From behind the end is a *[BehindEndError]. The database may be any that [Migrations] has brought to this program's version; it is only read.
func Verify(ctx context.Context, pool *pgxpool.Pool, cfg VerifyConfig) (Verification, error) {
	if cfg.Workers < 1 {
		cfg.Workers = runtime.GOMAXPROCS(0)
	}
	v := &verifier{pool: pool, config: cfg}
	if err := v.readHead(ctx); err != nil {
		return Verification{}, fmt.Errorf("verify: %w", err)
	}
	if cfg.From > max(1, v.head.Position) {
		return Verification{}, &BehindEndError{From: cfg.From, End: v.head.Position}
	}
	outside, err := v.checkHeads(ctx)
	if err != nil {
		return Verification{}, fmt.Errorf("verify: %w", err)
	}
	checked, inside, err := v.walk(ctx)
	if err != nil {
		return Verification{}, fmt.Errorf("verify: %w", err)
	}
	return Verification{Head: v.head, Events: checked, Finding: firstOf(inside, outside)}, nil
}

// verifier is the state of one verification.
type verifier struct {
	pool   *pgxpool.Pool
	config VerifyConfig

	// What log_head says, and the last positions there are, all of one moment.
	head                    eventstore.Link
	partitions              int
	tails                   []eventstore.Position
	firstEvent, lastEvent   eventstore.Position // 1 and 0 if there is none
	firstCommit, lastCommit eventstore.Position
}

func (v *verifier) readHead(ctx context.Context) error {
	var schema int
	var link []byte
	err := v.pool.QueryRow(ctx, sqlVerifyHead).
		Scan(&schema, &v.head.Position, &link, &v.partitions, &v.tails, &v.firstEvent, &v.lastEvent, &v.firstCommit, &v.lastCommit)
	switch {
	case isUndefinedTable(err) || isUndefinedColumn(err):
		return errors.New("tables are missing, or older than the hash chain: run the migrations first")
	case err != nil:
		return fmt.Errorf("read log_head: %w", err)
	case schema != schemaVersion:
		return unknownSchema(schema)
	}
	v.head.Hash, err = hashOf(link)
	return err
}
