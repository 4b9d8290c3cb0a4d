package embedded

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"syscall"

	"github.com/twmb/franz-go/pkg/kfake"
)

// BrokerConfig describes the in-memory broker. The zero value is usable.
type BrokerConfig struct {
	// Port to listen on. Zero means any free one.
	Port int
	// Log gets the broker's errors and warnings. Nil means silence.
	Log *slog.Logger
}

// Broker is a Kafka cluster of one broker that lives in this process's memory, topics and all.
//
// It is a disposable copy by design. Its library can keep data on disk, but not through a crash: commit markers are
// written partition by partition and aborted transactions can come back (seen with the version of 2026-09-18 under
// kill -9). So every start is a new, empty cluster with a new cluster id, by which consumers notice that the offsets
// they know are worth nothing; the relay fills it again from the store.
//
// Records stay in memory for seven days or as their topic says. It advertises 127.0.0.1, so containers cannot use it.
type Broker struct {
	cluster *kfake.Cluster
	addrs   []string
}

// StartBroker returns a running broker without topics; none is made by being mentioned.
func StartBroker(config BrokerConfig) (*Broker, error) {
	options := []kfake.Opt{
		kfake.Ports(config.Port), // one port is one broker
		kfake.ClusterID("ordo-" + rand.Text()),
	}
	if config.Log != nil {
		options = append(options, kfake.WithLogger(brokerLog{config.Log}))
	}
	cluster, err := kfake.NewCluster(options...)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("start broker: %w", &PortTakenError{Port: config.Port, Err: err})
	}
	if err != nil {
		return nil, fmt.Errorf("start broker: %w", err)
	}
	return &Broker{cluster: cluster, addrs: cluster.ListenAddrs()}, nil
}

// Addrs are the seed brokers for a client, as host:port.
func (b *Broker) Addrs() []string { return b.addrs }

// Close ends the broker and cuts its connections. Calling it again does nothing.
func (b *Broker) Close() { b.cluster.Close() }

// brokerLog passes on what a developer should know; the library tells every request at lower levels.
type brokerLog struct{ log *slog.Logger }

func (l brokerLog) Logf(level kfake.LogLevel, format string, args ...any) {
	switch level {
	case kfake.LogLevelError:
		l.log.Error("broker: " + fmt.Sprintf(format, args...))
	case kfake.LogLevelWarn:
		l.log.Warn("broker: " + fmt.Sprintf(format, args...))
	case kfake.LogLevelNone, kfake.LogLevelInfo, kfake.LogLevelDebug:
	}
}
