package kafka

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ordo-platform/ordo/eventstore"
)

// Checkpoint says how far a relay has published the log of its service. It is written to the relay topic in the same
// transaction as the events it speaks of.
type Checkpoint struct {
	Position eventstore.Position `json:"position"` // everything up to here is in the events topic

	// Tails is the position of the last event in each partition. A reader that has seen the tail of every partition has seen
	// everything up to Position. A partition is 0 when nothing has been published to it since the topic was made.
	Tails []eventstore.Position `json:"tails"`

	Chain      eventstore.Link `json:"chain"`      // of the log, at or before Position: a log without this link is another one
	Epoch      int64           `json:"epoch"`      // of the lease the relay held
	Generation string          `json:"generation"` // id of the cluster; one that forgets everything when it stops has another after each start
}

// CheckpointRecord returns the record of a service's checkpoint.
func CheckpointRecord(service string, c Checkpoint) *kgo.Record {
	value, err := json.Marshal(c)
	if err != nil {
		panic(fmt.Sprintf("encode checkpoint: %v", err)) // numbers and strings always encode
	}
	return &kgo.Record{Topic: RelayTopic(service), Key: []byte(service), Value: value}
}

// ParseCheckpoint is the inverse of [CheckpointRecord]. The error is always a *[BadEnvelopeError].
func ParseCheckpoint(r *kgo.Record) (service string, c Checkpoint, err error) {
	bad := func(field, reason string) (string, Checkpoint, error) {
		return "", Checkpoint{}, &BadEnvelopeError{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Field: field, Reason: reason}
	}
	service, found := strings.CutSuffix(r.Topic, relaySuffix)
	if !found {
		return bad("topic", "is not one of checkpoints")
	}
	if string(r.Key) != service {
		return bad("key", "is not the service")
	}
	if err := json.Unmarshal(r.Value, &c); err != nil || c.Position < 0 || len(c.Tails) == 0 {
		return bad("value", "is not a checkpoint")
	}
	return service, c, nil
}

// LastCheckpoint reads the newest checkpoint of a service's relay, as read-committed readers see it. Found is false when
// there is none.
func LastCheckpoint(ctx context.Context, cl *kgo.Client, service string) (c Checkpoint, found bool, err error) {
	tails, err := ReadTails(ctx, cl, RelayTopic(service), func(r *kgo.Record) bool {
		_, _, err := ParseCheckpoint(r)
		return err == nil
	})
	if err != nil {
		return Checkpoint{}, false, err
	}
	if len(tails) != 1 {
		return Checkpoint{}, false, &PartitionCountError{Topic: RelayTopic(service), Want: 1, Have: len(tails)}
	}
	if tails[0].Last == nil {
		return Checkpoint{}, false, nil
	}
	_, c, err = ParseCheckpoint(tails[0].Last)
	return c, err == nil, err
}
