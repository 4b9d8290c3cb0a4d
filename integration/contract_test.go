package integration

import (
	"os"
	"os/exec"
	"testing"
)

// What relay and consumers promise is tested on a broker in memory, which is quick to start and easy to break. All of it has to hold
// on Apache Kafka.
func TestContracts(t *testing.T) {
	t.Parallel()
	broker := Kafka(t)
	for _, of := range []string{"eventstore/relay", "internal/consumer"} {
		test := exec.CommandContext(t.Context(), "go", "test", "-count=1", "github.com/ordo-platform/ordo/"+of)
		test.Env = append(os.Environ(), "ORDO_TEST_KAFKA="+broker.Addrs[0])
		if said, err := test.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, said)
		}
	}
}
