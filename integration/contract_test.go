package integration

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/ordo-platform/ordo/internal/kafka"
	"github.com/ordo-platform/ordo/internal/testenv"
)

// What relay and consumers promise is tested on a broker in memory, which is quick to start and easy to break. All of it has to hold
// on Apache Kafka.
func TestContracts(t *testing.T) {
	t.Parallel()
	broker := Kafka(t)
	client, err := kafka.Config{Brokers: broker.Addrs}.NewClient()
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	topics := 0
	for _, of := range []string{"eventstore/relay", "internal/consumer"} {
		test := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-timeout=5m", "github.com/ordo-platform/ordo/"+of)
		test.Env = append(os.Environ(), testenv.EnvKafka+"="+broker.Addrs[0])
		if said, err := test.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, said)
		}
		there, err := kadm.NewClient(client).ListTopics(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		before := topics
		topics = 0
		for name := range there {
			if strings.HasPrefix(name, "orders-") {
				topics++
			}
		}
		if topics < before+10 {
			t.Errorf("%s has made %d topics here: its tests were elsewhere", of, topics-before)
		}
	}
}
