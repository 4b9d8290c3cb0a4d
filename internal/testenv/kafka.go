package testenv

import (
	"crypto/rand"
	"os"
	"strings"
	"testing"

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
// that injects faults makes its cluster with kfake itself.
func Kafka(t testing.TB) []string {
	t.Helper()
	broker, err := embedded.StartBroker(embedded.BrokerConfig{})
	if err != nil {
		t.Fatalf("testenv: %v", err)
	}
	t.Cleanup(broker.Close)
	return broker.Addrs()
}
