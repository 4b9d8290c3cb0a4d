package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ordo-platform/ordo/internal/failpoint"
)

// TransactionTimeout is how long the brokers keep a transaction open whose producer is gone. All readers of the partitions
// it touched wait for that long, so it is short; the client's default is 40 s.
const TransactionTimeout = 10 * time.Second

// MaxBufferedRecords is how many records a producer holds before they are flushed, which bounds the size of a transaction.
const MaxBufferedRecords = 50_000

const (
	// sessionTimeout is how long a member may be silent before its partitions go to others. Shorter than the default of
	// 45 s, because a killed process stops its partitions for that long; heartbeats come from a goroutine of their own, so
	// slow work does not look like death.
	sessionTimeout = 10 * time.Second

	// heartbeatInterval is how long a member may not know that others join or leave; 3 s by default.
	heartbeatInterval = time.Second

	// RebalanceTimeout is how long a rebalance waits for a member to finish the batch in hand.
	RebalanceTimeout = 60 * time.Second

	fetchMaxBytes          = 16 << 20 // one answer of a broker; bounds the memory of a consumer together with the next two
	fetchMaxPartitionBytes = 2 << 20  // above the largest batch our producer makes
	maxConcurrentFetches   = 3
	maxDecompressedBytes   = 64 << 20 // of one batch: a small one must not unpack to all our memory
)

// Config says how to reach the brokers.
type Config struct {
	Brokers []string     // host:port of some of them
	Options []kgo.Opt    // TLS, SASL, dialer. They come last and win over the options set here
	Logger  *slog.Logger // nil discards
}

// NewClient returns a client for admin requests and, with consumer options among more, for consuming partitions directly.
// The caller closes it.
func (c Config) NewClient(more ...kgo.Opt) (*kgo.Client, error) {
	if len(c.Brokers) == 0 {
		return nil, errors.New("kafka: no brokers")
	}
	opts := []kgo.Opt{
		kgo.SeedBrokers(c.Brokers...),
		kgo.ClientID("ordo"),
		kgo.WithLogger(clientLogger{c.Logger}),
		// The brokers would collect the client's own metrics, from a goroutine that makes Close slower. Ours are elsewhere.
		kgo.DisableClientMetrics(),
		// How long a moved leader or a topic made anew goes unnoticed; 5 s by default.
		kgo.MetadataMinAge(250 * time.Millisecond),
		kgo.RetryBackoffFn(retryBackoff),
		// Our own loops start again with fresh state after an error, so a request need not be tried for 30 s.
		kgo.RetryTimeout(TransactionTimeout),
	}
	opts = append(opts, more...)
	cl, err := kgo.NewClient(append(opts, c.Options...)...)
	if err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	return cl, nil
}

// NewProducer returns a client that writes transactions under a transactional id: idempotent, acknowledged by all in-sync
// replicas. Records stay in memory until they are flushed.
func (c Config) NewProducer(transactionalID string) (*kgo.Client, error) {
	return c.NewClient(
		kgo.TransactionalID(transactionalID), // turns idempotence on
		kgo.TransactionTimeout(TransactionTimeout),
		kgo.RequiredAcks(kgo.AllISRAcks()), // the default, spelled out: the checkpoint depends on it
		// The partition is fixed when the event is stored.
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		// A whole transaction is handed over, then flushed: one request per broker, and no linger.
		kgo.ManualFlushing(),
		kgo.ProducerLinger(0), // 10 ms by default
		kgo.MaxBufferedRecords(MaxBufferedRecords),
		// No RecordDeliveryTimeout: it counts from the record's timestamp, which is the time of the event, so events that have
		// waited longer than it could never be published. Whoever produces bounds a transaction by its context.
		kgo.ProduceRequestTimeout(TransactionTimeout/2),
		// How soon to ask again while the broker settles the transaction before; 20 ms by default.
		kgo.ConcurrentTransactionsBackoff(2*time.Millisecond),
	)
}

// NewGroupConsumer returns a client that consumes topics as a member of a group. Where partitions start is up to the
// caller (kgo.AdjustFetchOffsetsFn among more): Kafka's own offsets are for lag tools only.
func (c Config) NewGroupConsumer(group string, topics []string, more ...kgo.Opt) (*kgo.Client, error) {
	opts := []kgo.Opt{
		kgo.ConsumerGroup(group),
		kgo.ConsumeTopics(topics...),
		kgo.FetchIsolationLevel(isolation()), // by default, aborted events would be seen
		// An offset that is out of range is an error, never a jump over events.
		kgo.ConsumeStartOffset(kgo.NoResetOffset().AtStart()),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.DisableAutoCommit(), // offsets are committed after the database
		// No partition moves away while its batch is in work.
		kgo.BlockRebalanceOnPoll(),
		kgo.SessionTimeout(sessionTimeout),
		kgo.HeartbeatInterval(heartbeatInterval),
		kgo.RebalanceTimeout(RebalanceTimeout),
		kgo.FetchMaxBytes(fetchMaxBytes),
		kgo.FetchMaxPartitionBytes(fetchMaxPartitionBytes),
		kgo.MaxConcurrentFetches(maxConcurrentFetches),
		kgo.MaxDecompressBatchBytes(maxDecompressedBytes),
	}
	return c.NewClient(append(opts, more...)...)
}

func isolation() kgo.IsolationLevel {
	if failpoint.Is(failpoint.ReadUncommitted) {
		return kgo.ReadUncommitted()
	}
	return kgo.ReadCommitted()
}

// retryBackoff grows from 20 ms to 1 s. The client's own, from 250 ms to 5 s, makes every consumer wait ten seconds until it
// hears that its topic was made anew.
func retryBackoff(fails int) time.Duration {
	backoff := time.Second
	if fails < 6 {
		backoff = min(backoff, 20*time.Millisecond<<max(fails, 0))
	}
	return backoff/2 + rand.N(backoff/2) //nolint:gosec // jitter
}

// clientLogger passes on what the client logs. Its info lines come several times per transaction and are debug to us.
type clientLogger struct{ log *slog.Logger }

func (l clientLogger) Level() kgo.LogLevel {
	switch {
	case l.log == nil:
		return kgo.LogLevelNone
	case l.log.Enabled(context.Background(), slog.LevelDebug):
		return kgo.LogLevelInfo
	default:
		return kgo.LogLevelWarn
	}
}

func (l clientLogger) Log(level kgo.LogLevel, msg string, keyvals ...any) {
	to := slog.LevelDebug
	switch level {
	case kgo.LogLevelError:
		to = slog.LevelError
	case kgo.LogLevelWarn:
		to = slog.LevelWarn
	case kgo.LogLevelInfo, kgo.LogLevelDebug, kgo.LogLevelNone:
	}
	l.log.Log(context.Background(), to, "kafka client: "+msg, keyvals...)
}
