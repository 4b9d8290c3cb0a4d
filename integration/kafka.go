package integration

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/testcontainers/testcontainers-go"
	tcnetwork "github.com/testcontainers/testcontainers-go/network"
	"github.com/testcontainers/testcontainers-go/wait"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ordo-platform/ordo/internal/kafka"
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
	"KAFKA_LISTENERS":                      "PLAINTEXT://:9092,CONTROLLER://:9093,INNER://:9094",
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

// Broker is an Apache Kafka broker, or a cluster of them, of one test. It makes no topics by itself.
type Broker struct {
	Addrs []string // seed brokers, as seen from the test
	Nodes []*Server
}

// Kafka starts a broker that is removed with the test. It returns once a transaction has succeeded, so the first
// transaction of the test takes no longer than the next.
func Kafka(tb testing.TB) *Broker {
	tb.Helper()
	server := reserve(tb, kafkaPort)
	b := &Broker{Addrs: []string{server.Addr}, Nodes: []*Server{server}}
	b.run(tb, server, map[string]string{"KAFKA_ADVERTISED_LISTENERS": advertised(server.Addr, "localhost")}, started)
	b.await(tb, startTimeout)
	return b
}

// KafkaBehind starts a broker that tells its clients to reach it at the address of a proxy. link makes the proxy, before the first
// client comes, for the broker's own address.
func KafkaBehind(tb testing.TB, link func(addr string) (proxy string)) *Broker {
	tb.Helper()
	server := reserve(tb, kafkaPort)
	proxy := link(server.Addr)
	b := &Broker{Addrs: []string{proxy}, Nodes: []*Server{server}}
	b.run(tb, server, map[string]string{"KAFKA_ADVERTISED_LISTENERS": advertised(proxy, "localhost")}, started)
	b.await(tb, startTimeout)
	return b
}

// KafkaCluster starts three brokers, removed with the test: each partition on all of them, and written to two at least before
// it is acknowledged. Any one of them may be lost.
func KafkaCluster(tb testing.TB) *Broker {
	tb.Helper()
	requireImage(tb, kafkaImage)
	ctx, cancel := context.WithTimeout(tb.Context(), startTimeout)
	defer cancel()
	net, err := tcnetwork.New(ctx)
	if err != nil {
		tb.Fatalf("make a network: %v", err)
	}
	testcontainers.CleanupNetwork(tb, net)

	const nodes = 3
	var voters []string
	for n := 1; n <= nodes; n++ {
		voters = append(voters, fmt.Sprintf("%d@kafka-%d:9093", n, n))
	}
	b := &Broker{}
	for n := 1; n <= nodes; n++ {
		server := reserve(tb, kafkaPort)
		name := fmt.Sprintf("kafka-%d", n)
		b.Addrs, b.Nodes = append(b.Addrs, server.Addr), append(b.Nodes, server)
		b.run(tb, server, map[string]string{
			"KAFKA_NODE_ID":                                  fmt.Sprint(n),
			"KAFKA_CONTROLLER_QUORUM_VOTERS":                 strings.Join(voters, ","),
			"KAFKA_ADVERTISED_LISTENERS":                     advertised(server.Addr, name),
			"KAFKA_DEFAULT_REPLICATION_FACTOR":               "3",
			"KAFKA_MIN_INSYNC_REPLICAS":                      "2",
			"KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR":         "3",
			"KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "3",
			"KAFKA_TRANSACTION_STATE_LOG_MIN_ISR":            "2",
			"KAFKA_HEAP_OPTS":                                "-Xmx384m", // there are three

			// With the defaults of one and two seconds, three nodes that start on a busy machine vote without end.
			"KAFKA_CONTROLLER_QUORUM_ELECTION_TIMEOUT_MS": "5000",
			"KAFKA_CONTROLLER_QUORUM_FETCH_TIMEOUT_MS":    "5000",
			"KAFKA_CONTROLLER_QUORUM_REQUEST_TIMEOUT_MS":  "5000",
		}, tcnetwork.WithNetwork([]string{name}, net)) // no node gets ready alone
	}
	b.await(tb, nodes*startTimeout)
	return b
}

// advertised are the addresses that a node gives: outer to the test, inner to its neighbours and to tools inside.
func advertised(outer, inner string) string {
	return fmt.Sprintf("PLAINTEXT://%s,INNER://%s:9094", outer, inner)
}

// started is what one node alone says when it is ready.
var started = testcontainers.WithWaitStrategyAndDeadline(startTimeout, wait.ForLog("Kafka Server started").WithStartupTimeout(startTimeout))

func (b *Broker) run(tb testing.TB, server *Server, settings map[string]string, more ...testcontainers.ContainerCustomizer) {
	tb.Helper()
	requireImage(tb, kafkaImage)
	env := maps.Clone(kafkaSettings)
	maps.Copy(env, settings)
	options := []testcontainers.ContainerCustomizer{
		testcontainers.WithEnv(env),
		testcontainers.WithExposedPorts(kafkaPort),
		server.pinned(),
	}
	container, err := testcontainers.Run(tb.Context(), kafkaImage, append(options, more...)...)
	if container != nil {
		own(tb, container)
	}
	if err != nil {
		tb.Fatalf("start %s: %v", kafkaImage, err)
	}
	server.container = container
}

// await returns once a transaction has succeeded.
func (b *Broker) await(tb testing.TB, limit time.Duration) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), limit)
	defer cancel()
	for {
		err := b.firstTransaction(ctx)
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			tb.Fatalf("first transaction on %s: %v", kafkaImage, err)
		case <-time.After(100 * time.Millisecond): // the nodes of a cluster are still looking for each other
		}
	}
}

// firstTransaction makes the broker create what it keeps transactions in, on a topic that is gone afterwards.
func (b *Broker) firstTransaction(ctx context.Context) (err error) {
	const topic = "integration.ready"
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Addrs...), kgo.TransactionalID(topic), kgo.DefaultProduceTopic(topic),
		kgo.RecordDeliveryTimeout(30*time.Second))
	if err != nil {
		return err
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	if _, err := admin.CreateTopic(ctx, 1, -1, nil, topic); err != nil {
		return err
	}
	defer func() {
		_, deleteErr := admin.DeleteTopic(ctx, topic)
		err = errors.Join(err, deleteErr)
	}()
	if err := client.BeginTransaction(); err != nil {
		return err
	}
	ready := kgo.StringRecord("ready")
	if err := client.ProduceSync(ctx, ready).FirstErr(); err != nil {
		return err
	}
	return kafka.EndTransaction(ctx, client, kgo.TryCommit, ready)
}
