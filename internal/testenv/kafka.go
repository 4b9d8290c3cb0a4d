package testenv

import (
	"crypto/rand"
	"os"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/ordo-platform/ordo/internal/embedded"
)

// EnvKafka names a real broker, host:port, for tests that can run on one.
const EnvKafka = "ORDO_TEST_KAFKA"

// RealKafka returns the broker that [EnvKafka] names and a service whose topics there are the caller's alone, or nothing if it names none.
func RealKafka() (broker, service string) {
	if broker = os.Getenv(EnvKafka); broker == "" {
		return "", ""
	}
	return broker, "orders-" + strings.ToLower(rand.Text())
}

// Kafka returns the seed brokers of a new in-memory cluster without topics. It is closed at the end of the test. A test
// that injects faults takes [FakeKafka].
func Kafka(t testing.TB) []string {
	t.Helper()
	broker, err := embedded.StartBroker(embedded.BrokerConfig{})
	if err != nil {
		t.Fatalf("testenv: %v", err)
	}
	t.Cleanup(broker.Close)
	return broker.Addrs()
}

// FakeKafka returns a new in-memory cluster of one broker. It is closed at the end of the test.
func FakeKafka(t testing.TB, options ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	cluster, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1)}, options...)...)
	if err != nil {
		t.Fatalf("testenv: %v", err)
	}
	t.Cleanup(cluster.Close)
	return cluster
}
