package integration

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	kafkaImage = "apache/kafka:4.1.0"
	kafkaPort  = "9092/tcp"
)

// kafkaSettings make one node a whole cluster. With any of them given, the image uses none of its own.
var kafkaSettings = map[string]string{
	"KAFKA_NODE_ID":                  "1",
	"KAFKA_PROCESS_ROLES":            "broker,controller",
	"KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",

	// The test sees the broker under an address that it cannot see itself, so it talks to itself on another listener.
	"KAFKA_LISTENERS":                      "PLAINTEXT://:9092,CONTROLLER://:9093,INNER://localhost:9094",
	"KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,INNER:PLAINTEXT",
	"KAFKA_INTER_BROKER_LISTENER_NAME":     "INNER",
	"KAFKA_CONTROLLER_LISTENER_NAMES":      "CONTROLLER",

	// The defaults want three brokers and, for 50 partitions each, seconds at the first transaction and the first group.
	"KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR":         "1",
	"KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS":             "4",
	"KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
	"KAFKA_TRANSACTION_STATE_LOG_MIN_ISR":            "1",
	"KAFKA_TRANSACTION_STATE_LOG_NUM_PARTITIONS":     "4",

	"KAFKA_AUTO_CREATE_TOPICS_ENABLE":              "false",    // a topic with the wrong partition count is worse than none
	"KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS":       "0",        // default 3 s, to wait for more members
	"KAFKA_ADD_PARTITIONS_TO_TXN_RETRY_BACKOFF_MS": "1",        // default 20: what a transaction waits while the one before settles
	"KAFKA_HEAP_OPTS":                              "-Xmx512m", // default 1 GB, too much for small machines
}

// Broker is an Apache Kafka broker of one test. It makes no topics by itself.
type Broker struct {
	Addrs []string // seed brokers, as seen from the test
}

// Kafka starts a broker that is removed with the test. It returns once a transaction has succeeded, so the first
// transaction of the test takes no longer than the next.
func Kafka(tb testing.TB) *Broker {
	tb.Helper()
	requireImage(tb, kafkaImage)
	ctx, cancel := context.WithTimeout(tb.Context(), startTimeout)
	defer cancel()
	container, err := testcontainers.Run(ctx, kafkaImage,
		// The broker must announce the port it has on this machine, which is known only after the container has started.
		testcontainers.WithEntrypoint("sh", "-c", "while [ ! -s /tmp/start.sh ]; do sleep 0.1; done; exec bash /tmp/start.sh"),
		testcontainers.WithExposedPorts(kafkaPort),
		testcontainers.WithEnv(kafkaSettings),
		testcontainers.WithAdditionalLifecycleHooks(testcontainers.ContainerLifecycleHooks{
			PostStarts: []testcontainers.ContainerHook{startKafka},
		}),
		testcontainers.WithWaitStrategyAndDeadline(startTimeout, wait.ForLog("Kafka Server started")),
	)
	if container != nil {
		own(tb, container)
	}
	if err != nil {
		tb.Fatalf("start %s: %v", kafkaImage, err)
	}
	addr, err := container.PortEndpoint(ctx, kafkaPort, "")
	if err != nil {
		tb.Fatal(err)
	}
	b := &Broker{Addrs: []string{addr}}
	if err := b.firstTransaction(ctx); err != nil {
		tb.Fatalf("first transaction on %s: %v", kafkaImage, err)
	}
	return b
}

// startKafka hands the waiting container the script it waits for.
func startKafka(ctx context.Context, container testcontainers.Container) error {
	addr, err := container.PortEndpoint(ctx, kafkaPort, "")
	if err != nil {
		return err
	}
	script := fmt.Sprintf("export KAFKA_ADVERTISED_LISTENERS=PLAINTEXT://%s,INNER://localhost:9094\nexec /etc/kafka/docker/run\n", addr)
	return container.CopyToContainer(ctx, []byte(script), "/tmp/start.sh", 0o755)
}

// firstTransaction makes the broker create what it keeps transactions in, on a topic that is gone afterwards.
func (b *Broker) firstTransaction(ctx context.Context) (err error) {
	const topic = "integration.ready"
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Addrs...), kgo.TransactionalID(topic), kgo.DefaultProduceTopic(topic))
	if err != nil {
		return err
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	if _, err := admin.CreateTopic(ctx, 1, 1, nil, topic); err != nil {
		return err
	}
	defer func() {
		_, deleteErr := admin.DeleteTopic(ctx, topic)
		err = errors.Join(err, deleteErr)
	}()
	if err := client.BeginTransaction(); err != nil {
		return err
	}
	if err := client.ProduceSync(ctx, kgo.StringRecord("ready")).FirstErr(); err != nil {
		return err
	}
	return client.EndTransaction(ctx, kgo.TryCommit)
}
