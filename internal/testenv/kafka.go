package testenv

import (
	"testing"

	"github.com/ordo-platform/ordo/internal/embedded"
)

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
