package kafka

import (
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"
)

// DeadLetterTopic is the topic of what a consumer could not apply.
func DeadLetterTopic(consumer string) string { return consumer + ".dlq" }

// DeadLetterTopicSpec is that topic. Its records go with age: the table they are copied from is kept.
func DeadLetterTopicSpec(consumer string, partitions int, replication int16) TopicSpec {
	return TopicSpec{
		Name: DeadLetterTopic(consumer), Partitions: partitions, Replication: replication,
		Settings: map[string]string{"cleanup.policy": "delete", "retention.ms": strconv.FormatInt((30 * 24 * time.Hour).Milliseconds(), 10)},
	}
}

// DeadLetter is what a record on a dead letter topic says beside the record that could not be applied.
type DeadLetter struct {
	Consumer                    string
	ID                          int64 // in the table of the consumer's database
	Position                    int64 // 0: not an event
	Follows                     int64 // position of the event it waits behind; 0: it failed itself
	Class, Error, Fingerprint   string
	Attempts, Redrives          int
	Truncated                   bool // the original was larger
	ParkedAt                    time.Time
	FirstFailedAt, LastFailedAt time.Time // zero for what only waits
}

// deadLetterNamespace keeps the ids of dead letters apart from all others that are made of hashes.
var deadLetterNamespace = uuid.MustParse("6f72646f-0000-8000-8000-646c71000000")

// DeadLetterRecord returns the record of a dead letter: the original key, value and headers, and headers that say where it
// was, why it is here, and under which id it may come again.
func DeadLetterRecord(original *kgo.Record, d DeadLetter) *kgo.Record {
	headers := append([]kgo.RecordHeader(nil), original.Headers...)
	add := func(name, value string) {
		headers = append(headers, kgo.RecordHeader{Key: "ordo_dlq_" + name, Value: []byte(value)})
	}
	at := func(name string, t time.Time) {
		if !t.IsZero() {
			add(name, t.UTC().Format(time.RFC3339Nano))
		}
	}
	id := uuid.NewSHA1(deadLetterNamespace, fmt.Appendf(nil, "%s\x00%d\x00%d", d.Consumer, d.ID, d.ParkedAt.UnixMicro()))
	add("id", id.String())
	add("letter", strconv.FormatInt(d.ID, 10))
	add("original_topic", original.Topic)
	add("original_partition", strconv.Itoa(int(original.Partition)))
	if original.Offset >= 0 { // else it came from the log, not from the topic
		add("original_offset", strconv.FormatInt(original.Offset, 10))
	}
	at("original_timestamp", original.Timestamp)
	add("group", d.Consumer)
	add("position", strconv.FormatInt(d.Position, 10))
	add("follows", strconv.FormatInt(d.Follows, 10))
	add("attempt", strconv.Itoa(d.Attempts))
	at("first_failed_at", d.FirstFailedAt)
	at("last_failed_at", d.LastFailedAt)
	at("parked_at", d.ParkedAt)
	add("error_class", d.Class)
	add("error", d.Error)
	add("error_fingerprint", d.Fingerprint)
	add("redrive_count", strconv.Itoa(d.Redrives))
	add("truncated", strconv.FormatBool(d.Truncated))
	return &kgo.Record{Topic: DeadLetterTopic(d.Consumer), Key: original.Key, Value: original.Value, Headers: headers}
}
