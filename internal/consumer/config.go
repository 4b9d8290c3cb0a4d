package consumer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ordo-platform/ordo/eventstore"
)

// Handler applies events.
type Handler interface {
	// Handle applies new events within tx: of one partition, or of several, those of each in order. The transaction also holds
	// their checkpoints, so it must neither be committed nor rolled back here. On an error all is undone and the same events come
	// again, those of each partition by themselves; at once if the error is a conflict, a deadlock or a serialization failure,
	// else after a pause. It is called by several goroutines at a time. Handle must not have effects outside tx: it may run more
	// often than it commits.
	Handle(ctx context.Context, tx pgx.Tx, events []eventstore.Recorded) error
}

// Defaults of [Config].
const (
	DefaultMaxPoll      = 2000
	DefaultMaxAttempts  = 6
	DefaultParallel     = 4
	DefaultBatchTimeout = 20 * time.Second
	DefaultMinBackoff   = 100 * time.Millisecond
	DefaultMaxBackoff   = 10 * time.Second
	DefaultStopTimeout  = 5 * time.Second
)

// Config is what a consumer needs. Zero means the default where there is one.
type Config struct {
	Name    string   // consumer group and key of the checkpoints: changing it means starting over
	Topics  []string // events topics
	Pool    *pgxpool.Pool
	Brokers []string
	Options []kgo.Opt // TLS, SASL, dialer
	Handler Handler

	// Judge, when set, says what an error of the handler means. Errors it does not know are judged by general rules: those of
	// the connection and the server pause the partition, others are retried and then park the event.
	Judge func(error) (v Verdict, known bool)

	// Sources are the logs of the services, by topic. Without one, a hole stops its partition and nothing is known about lag.
	Sources map[string]Source

	Replication int16 // copies of the dead letter topic; 0 means what the broker has as its default

	MaxPoll  int // records in hand at once, of all partitions; they are one transaction where all is well, else each partition's share is
	Parallel int // partitions handled at the same time where they are handled by themselves, each with a connection of the pool

	// GiveWay is for consumers that no order waits for. While events come thick and fast, a consumer rests after each round, so that it
	// takes more events at a time: as long as the round took, 40 ms at most. One that gives way rests four times as long, half a
	// second at most, and leaves the machine to those who move orders on.
	GiveWay bool

	// BatchTimeout bounds one transaction, and after how long no further one is begun between two polls: twice as long must stay
	// below the time the group waits for a member.
	BatchTimeout time.Duration

	// After a failure a partition pauses for MinBackoff, then twice as long each time up to MaxBackoff.
	MinBackoff, MaxBackoff time.Duration

	// MaxAttempts is how often an event is tried before it is parked, unless it is clear that it is not its fault.
	MaxAttempts int

	StopTimeout time.Duration // how long the batches in hand may take once Run is told to stop

	Logger *slog.Logger // nil discards
}

func (c Config) validate() (Config, error) {
	switch {
	case c.Name == "":
		return c, errors.New("consumer: no name")
	case len(c.Topics) == 0:
		return c, fmt.Errorf("consumer %s: no topics", c.Name)
	case c.Pool == nil:
		return c, fmt.Errorf("consumer %s: no database", c.Name)
	case len(c.Brokers) == 0:
		return c, fmt.Errorf("consumer %s: no brokers", c.Name)
	case c.Handler == nil:
		return c, fmt.Errorf("consumer %s: no handler", c.Name)
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	setDefault(&c.MaxPoll, DefaultMaxPoll)
	setDefault(&c.MaxAttempts, DefaultMaxAttempts)
	setDefault(&c.Parallel, DefaultParallel)
	setDefault(&c.BatchTimeout, DefaultBatchTimeout)
	setDefault(&c.MinBackoff, DefaultMinBackoff)
	setDefault(&c.MaxBackoff, DefaultMaxBackoff)
	setDefault(&c.StopTimeout, DefaultStopTimeout)
	return c, nil
}

func setDefault[T int | time.Duration](field *T, value T) {
	if *field <= 0 {
		*field = value
	}
}
