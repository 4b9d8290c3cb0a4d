package replay

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/kafka"
	"github.com/ordo-platform/ordo/internal/readmodels"
)

// Log is the log that a read model is folded from.
type Log interface {
	ReadLog(ctx context.Context, after eventstore.Position, limit int) ([]eventstore.Recorded, error)

	// Tails returns the position of the last event, and of the last one of each partition, as of one moment.
	Tails(ctx context.Context) (eventstore.Position, []eventstore.Position, error)
}

// Defaults of [Config].
const (
	DefaultConcurrency = 4
	DefaultChunk       = 20_000
	DefaultLease       = 6 * time.Second
)

// Config is what a replay needs. Zero means the default where there is one.
type Config struct {
	Model  readmodels.Kept
	Pool   *pgxpool.Pool // database that keeps the model; its role may make schemas and tables there
	Log    Log           // of Model.Source
	Holder string        // who replays, as others are told

	Concurrency int           // key slices that are folded at the same time, each with a connection
	Chunk       int           // events between two checkpoints; bounds what is in memory
	Lease       time.Duration // how long a replay that was killed keeps others away

	// Progress is called often, from one goroutine at a time. It must not block.
	Progress func(Progress)
}

func (c Config) validate() (Config, error) {
	switch {
	case c.Model.Name == "":
		return c, errors.New("replay: no read model")
	case c.Pool == nil || c.Log == nil:
		return c, errors.New("replay: no database")
	case c.Holder == "":
		return c, errors.New("replay: no holder")
	}
	if c.Concurrency <= 0 {
		c.Concurrency = DefaultConcurrency
	}
	if c.Chunk <= 0 {
		c.Chunk = DefaultChunk
	}
	if c.Lease <= 0 {
		c.Lease = DefaultLease
	}
	if c.Progress == nil {
		c.Progress = func(Progress) {}
	}
	return c, nil
}

// Options say what a replay is to do.
type Options struct {
	Until         *eventstore.Position // build the state as of this position, and leave it at that
	NoSwap        bool                 // stop before the swap
	VerifyOnly    bool                 // compare the live generation with a fresh fold, and throw that away
	Sample        int                  // with VerifyOnly: compare about so many rows, chosen at random
	ExpectChanges bool                 // rows may differ from the live ones
	Resume        bool                 // go on with the generation that an earlier replay left
}

// Phase is what a replay is doing.
type Phase string

// The phases, in their order.
const (
	PhaseBuild    Phase = "build"
	PhaseIndex    Phase = "index"
	PhaseCatchUp  Phase = "catch_up"
	PhaseVerify   Phase = "verify"
	PhaseHandOver Phase = "hand_over"
	PhaseSwap     Phase = "swap"
	PhaseDone     Phase = "done"
)

// Progress is how far a replay is.
type Progress struct {
	Phase      Phase               `json:"phase"`
	Generation int                 `json:"generation"`
	Position   eventstore.Position `json:"position"` // everything up to here is in the new generation
	Target     eventstore.Position `json:"target"`
	Events     int64               `json:"events"` // read by this run
	Rate       float64             `json:"events_per_second"`
	ETA        time.Duration       `json:"eta_ns"`
	Slices     int                 `json:"slices"`
	Lag        int64               `json:"lag"` // events of the log that the new generation does not have
}

func (c Config) topic() string { return kafka.EventsTopic(c.Model.Source) }
