package integration

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ordo-platform/ordo/integration/judge"
	"github.com/ordo-platform/ordo/internal/app"
	"github.com/ordo-platform/ordo/internal/asyncapi"
	"github.com/ordo-platform/ordo/internal/kafka"
)

// foreigner is a program of others that reads topics.
type foreigner struct {
	name string

	// read returns the records of a topic from its beginning, n of them if there are as many, in the order in which they came.
	read func(t *testing.T, topic, isolation string, n int) []*kgo.Record
}

// TestForeignClients: programs that know nothing of Ordo read the topics, and find what docs/asyncapi.yaml says: the events of the
// log, each once, in order, with those headers and values, and nothing of what was never committed.
func TestForeignClients(t *testing.T) {
	t.Parallel()
	pg, broker := Postgres(t), Kafka(t)
	s := newShop(t, pg, pg.URL(), broker.Addrs...)
	s.open(t)
	aborted := abort(t, broker, kafka.EventsTopic(app.Orders)) // before any order: who reads it reads it first
	stop := s.books.Load(t, pace, s.url)
	s.loaded(30)
	stop()
	s.settle()

	document, err := os.ReadFile("../docs/asyncapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	contract, err := asyncapi.Parse(document)
	if err != nil {
		t.Fatal(err)
	}
	topics, err := kadm.NewClient(s.Client).ListTopics(t.Context(), slices.Collect(maps.Keys(contract.Partitions))...)
	if err != nil {
		t.Fatal(err)
	}
	for topic, partitions := range contract.Partitions {
		if have := len(topics[topic].Partitions); have != partitions {
			t.Errorf("%s has %d partitions, the document says %d", topic, have, partitions)
		}
	}
	for _, c := range []foreigner{{"kafka-console-consumer", consoleConsumer(broker)}, {"kcat", kcat(broker)}} {
		t.Run(c.name, func(t *testing.T) {
			s.T = t
			for topic := range contract.Partitions {
				service, _ := kafka.ServiceOf(topic)
				log := judge.Query[struct{ N int }](s.World, service, "SELECT count(*) FROM events")[0].N
				read := map[int32][]*kgo.Record{}
				for _, r := range c.read(t, topic, "read_committed", log) {
					headers := map[string]string{}
					for _, h := range r.Headers {
						headers[h.Key] = string(h.Value)
					}
					if err := contract.Check(topic, headers, r.Value); err != nil {
						t.Errorf("%s/%d at %d: %v", topic, r.Partition, r.Offset, err)
					}
					read[r.Partition] = append(read[r.Partition], r)
				}
				for _, what := range s.JudgeRecords(service, read) {
					t.Error(what)
				}
			}
			topic := kafka.EventsTopic(app.Orders)
			uncommitted := slices.DeleteFunc(c.read(t, topic, "read_uncommitted", aborted), func(r *kgo.Record) bool { return string(r.Value) != "aborted" })
			if len(uncommitted) == 0 {
				t.Error("void: who reads uncommitted records does not see those that were aborted")
			}
		})
	}
	for name, prepare := range map[string]func(t *testing.T) example{
		"Go":     func(t *testing.T) example { return goExample(t, pg) },
		"Python": pythonExample,
		"Java":   func(t *testing.T) example { return javaExample(t, broker) },
	} {
		t.Run(name, func(t *testing.T) {
			s.t, s.T = t, t
			s.follow(prepare(t))
		})
	}
}

// abort writes a record into each partition of a topic that is never committed, and returns how many.
func abort(t *testing.T, broker *Broker, topic string) int {
	t.Helper()
	const partitions = 12
	producer := newKafkaClient(t, broker, kgo.TransactionalID("a stranger"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err := producer.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	for p := range int32(partitions) {
		if err := producer.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Partition: p, Value: []byte("aborted")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	if err := producer.EndTransaction(t.Context(), kgo.TryAbort); err != nil {
		t.Fatal(err)
	}
	return partitions
}

// consoleConsumer is Kafka's own.
func consoleConsumer(broker *Broker) func(t *testing.T, topic, isolation string, n int) []*kgo.Record {
	return func(t *testing.T, topic, isolation string, n int) (records []*kgo.Record) {
		t.Helper()
		const between = " | " // in no header and no value of the test
		said := broker.Nodes[0].Exec(t, "sh", "-c", "/opt/kafka/bin/kafka-console-consumer.sh --bootstrap-server localhost:9094 --from-beginning"+
			" --topic "+topic+" --isolation-level "+isolation+" --max-messages "+strconv.Itoa(n)+
			" --property print.partition=true --property print.offset=true --property print.headers=true --property print.key=true"+
			" --property 'key.separator="+between+"' --property 'headers.separator=;' 2>/dev/null")
		for line := range strings.Lines(said) {
			fields := strings.SplitN(strings.TrimSuffix(line, "\n"), between, 5)
			if len(fields) != 5 {
				t.Fatalf("the console consumer says %q", line)
			}
			r := &kgo.Record{Topic: topic, Key: []byte(fields[3]), Value: []byte(fields[4])}
			if _, err := fmt.Sscanf(fields[0]+" "+fields[1], "Partition:%d Offset:%d", &r.Partition, &r.Offset); err != nil {
				t.Fatalf("the console consumer says %q: %v", line, err)
			}
			for header := range strings.SplitSeq(fields[2], ";") {
				name, value, _ := strings.Cut(header, ":")
				r.Headers = append(r.Headers, kgo.RecordHeader{Key: name, Value: []byte(value)})
			}
			records = append(records, r)
		}
		return records
	}
}

// kcat is the one that librdkafka's author made.
func kcat(broker *Broker) func(t *testing.T, topic, isolation string, n int) []*kgo.Record {
	return func(t *testing.T, topic, isolation string, _ int) (records []*kgo.Record) {
		t.Helper()
		program, err := exec.LookPath("kcat")
		if err != nil {
			t.Skip("skipped: there is no kcat")
		}
		command := exec.CommandContext(t.Context(), program, "-C", "-q", "-e", "-J", "-b", strings.Join(broker.Addrs, ","),
			"-t", topic, "-o", "beginning", "-X", "isolation.level="+isolation)
		said, err := command.Output()
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(said)) {
			var read struct {
				Partition    int32
				Offset       int64
				Headers      []string // name, value, name, value …
				Key, Payload string
			}
			if err := json.Unmarshal([]byte(line), &read); err != nil {
				t.Fatalf("kcat says %q: %v", line, err)
			}
			r := &kgo.Record{Topic: topic, Partition: read.Partition, Offset: read.Offset, Key: []byte(read.Key), Value: []byte(read.Payload)}
			for pair := range slices.Chunk(read.Headers, 2) {
				r.Headers = append(r.Headers, kgo.RecordHeader{Key: pair[0], Value: []byte(pair[1])})
			}
			records = append(records, r)
		}
		return records
	}
}
