package embedded

import (
	"errors"
	"net"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestBrokerIsANewEmptyClusterAtEachStart(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 2 {
		broker, err := StartBroker(BrokerConfig{})
		if err != nil {
			t.Fatal(err)
		}
		admin := newAdmin(t, broker)
		metadata, err := admin.Metadata(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if seen[metadata.Cluster] {
			t.Errorf("cluster id %s again", metadata.Cluster)
		}
		seen[metadata.Cluster] = true
		if len(metadata.Topics) != 0 || len(metadata.Brokers) != 1 {
			t.Errorf("topics %v, brokers %v", metadata.Topics.Names(), metadata.Brokers)
		}
		if _, err := admin.CreateTopic(t.Context(), 12, -1, nil, "orders.events"); err != nil {
			t.Fatal(err)
		}
		admin.Close()
		broker.Close()
		broker.Close()
	}
}

func TestBrokerMakesNoTopicByItself(t *testing.T) {
	t.Parallel()
	broker, err := StartBroker(BrokerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer broker.Close()
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.Addrs()...), kgo.AllowAutoTopicCreation(), kgo.UnknownTopicRetries(1))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	err = client.ProduceSync(t.Context(), &kgo.Record{Topic: "never.made", Value: []byte("x")}).FirstErr()
	if !errors.Is(err, kerr.UnknownTopicOrPartition) {
		t.Errorf("got %v", err)
	}
}

func TestBrokerPortTaken(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	port := listener.Addr().(*net.TCPAddr).Port
	_, err = StartBroker(BrokerConfig{Port: port})
	var taken *PortTakenError
	if !errors.As(err, &taken) || taken.Port != port {
		t.Errorf("got %v", err)
	}
}

func newAdmin(t *testing.T, broker *Broker) *kadm.Client {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.Addrs()...))
	if err != nil {
		t.Fatal(err)
	}
	return kadm.NewClient(client)
}
