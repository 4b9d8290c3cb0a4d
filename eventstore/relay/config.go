package relay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/kafka"
)

// Log is the log to publish. Positions are gapless and in commit order.
type Log interface {
	// ReadLog returns up to limit events after a position, in order.
	ReadLog(ctx context.Context, after eventstore.Position, limit int) ([]eventstore.Recorded, error)
	// Head returns the position of the last event.
	Head(ctx context.Context) (eventstore.Position, error)
	// LinkAt returns the newest link of the log's hash chain at or before a position.
	LinkAt(ctx context.Context, position eventstore.Position) (eventstore.Link, error)
}

// Lease picks one relay among the replicas of a service. It keeps replicas from fighting; that they cannot both publish is
// up to Kafka's fence.
type Lease interface {
	// Acquire waits until the lease is free, or was ours, and returns an epoch above all earlier ones.
	Acquire(ctx context.Context) (epoch int64, err error)
	// Renew extends the lease. The error wraps [eventstore.ErrLeaseLost] if another has it now; any other leaves that open.
	Renew(ctx context.Context) error
	// Release gives the lease up, so that another need not wait for its end.
	Release(ctx context.Context) error
}

// Defaults of [Config].
const (
	DefaultPartitions    = 12
	DefaultMinPoll       = 5 * time.Millisecond
	DefaultMaxPoll       = 100 * time.Millisecond
	DefaultMaxBatch      = 5000
	DefaultMaxBatchBytes = 8 << 20
	DefaultLeaseTime     = 10 * time.Second
	DefaultRenewEvery    = 2 * time.Second
	DefaultStopTimeout   = 5 * time.Second
)

// Config is what a relay needs. Zero means the default where there is one.
type Config struct {
	Service string // names the topics, the transactional id and the source of the events
	Log     Log
	Lease   Lease

	// Wake says that there may be new events. It may be nil: the log is polled all the same.
	Wake <-chan struct{}

	Brokers []string
	Options []kgo.Opt // TLS, SASL, dialer

	// Partitions is the number that the log was written for. The relay refuses a topic with another one.
	Partitions int

	// StartAt says after which position to begin when the relay topic holds no checkpoint. Nil is the beginning of the log.
	// What it leaves out must not be missing to any consumer.
	StartAt func(ctx context.Context) (eventstore.Position, error)

	// The log is read when Wake says so, and anyway: after MinPoll while that finds events, and less and less often, down to every
	// MaxPoll, while it finds none.
	MinPoll, MaxPoll time.Duration

	// A transaction holds at most MaxBatch events, and is full once they exceed MaxBatchBytes. A lone event never waits for
	// either. MaxBatch is bounded by what the client can hold.
	MaxBatch, MaxBatchBytes int

	// The lease lasts LeaseTime after it was renewed, and is renewed after RenewEvery. A renewal that fails is tried again as
	// long as the lease lasts, so a hiccup of the database does not end the session.
	LeaseTime, RenewEvery time.Duration

	StopTimeout time.Duration // how long the batch in hand may take once Run is told to stop

	Logger *slog.Logger // nil discards
}

func (c Config) validate() (Config, error) {
	switch {
	case c.Service == "":
		return c, errors.New("relay: no service")
	case c.Log == nil:
		return c, fmt.Errorf("relay %s: no log", c.Service)
	case c.Lease == nil:
		return c, fmt.Errorf("relay %s: no lease", c.Service)
	case len(c.Brokers) == 0:
		return c, fmt.Errorf("relay %s: no brokers", c.Service)
	case c.MaxBatch >= kafka.MaxBufferedRecords:
		return c, fmt.Errorf("relay %s: a batch of %d events, the limit is %d", c.Service, c.MaxBatch, kafka.MaxBufferedRecords-1)
	}
	if c.StartAt == nil {
		c.StartAt = func(context.Context) (eventstore.Position, error) { return 0, nil }
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	setDefault(&c.Partitions, DefaultPartitions)
	setDefault(&c.MinPoll, DefaultMinPoll)
	setDefault(&c.MaxPoll, DefaultMaxPoll)
	setDefault(&c.MaxBatch, DefaultMaxBatch)
	setDefault(&c.MaxBatchBytes, DefaultMaxBatchBytes)
	setDefault(&c.LeaseTime, DefaultLeaseTime)
	setDefault(&c.RenewEvery, DefaultRenewEvery)
	setDefault(&c.StopTimeout, DefaultStopTimeout)
	return c, nil
}

func setDefault[T int | time.Duration](field *T, value T) {
	if *field <= 0 {
		*field = value
	}
}
