package testenv_test

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ordo-platform/ordo/internal/testenv"
)

func TestKafkaGivesAnEmptyClusterPerTest(t *testing.T) {
	t.Parallel()
	for range 2 {
		client, err := kgo.NewClient(kgo.SeedBrokers(testenv.Kafka(t)...))
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		admin := kadm.NewClient(client)
		topics, err := admin.ListTopics(t.Context())
		if err != nil || len(topics) != 0 {
			t.Fatalf("topics %v, %v", topics.Names(), err)
		}
		if _, err := admin.CreateTopic(t.Context(), 1, -1, nil, "orders.events"); err != nil {
			t.Fatal(err)
		}
	}
}
