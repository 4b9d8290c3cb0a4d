package kafka

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// TopicSpec is a topic as it must be.
type TopicSpec struct {
	Name        string
	Partitions  int
	Replication int16             // copies of each partition; 0 means what the broker has as its default
	Settings    map[string]string // only used when the topic is made
}

// EventsTopicSpec is the topic of a service's events. The number of partitions is pinned: it decides where an event is.
func EventsTopicSpec(service string, partitions int, replication int16) TopicSpec {
	return TopicSpec{
		Name:        EventsTopic(service),
		Partitions:  partitions,
		Replication: replication,
		Settings: map[string]string{
			"cleanup.policy": "delete",
			// A consumer that is behind, or new, must find what it has not seen. Who needs the space trims the topic knowingly.
			"retention.ms": "-1",
			// With the producer's time, a broker refuses records that are more than an hour ahead of its clock, and a wrong clock
			// of the database would block the relay.
			"message.timestamp.type": "LogAppendTime",
			"min.insync.replicas":    minInSync(replication),
		},
	}
}

// RelayTopicSpec is the topic of the checkpoints of a service's relay. Only the newest counts.
func RelayTopicSpec(service string, replication int16) TopicSpec {
	return TopicSpec{
		Name:        RelayTopic(service),
		Partitions:  1,
		Replication: replication,
		Settings:    map[string]string{"cleanup.policy": "compact", "min.insync.replicas": minInSync(replication)},
	}
}

// minInSync is how many copies must have a record before it counts: with one copy lost, writing goes on, and what was
// acknowledged is still there when another one is lost as well.
func minInSync(replication int16) string { return strconv.Itoa(max(1, int(replication)-1)) }

// PartitionCountError says that a topic does not have the number of partitions that its events were stored for. Keys would
// move to other partitions and lose their order, so nothing may be written. Use another topic, or the old number.
type PartitionCountError struct {
	Topic      string
	Want, Have int
}

func (e *PartitionCountError) Error() string {
	return fmt.Sprintf("topic %s has %d partitions, not %d", e.Topic, e.Have, e.Want)
}

// topicsPoll is how often EnsureTopics looks whether the brokers agree that a new topic is there.
const topicsPoll = 20 * time.Millisecond

// EnsureTopics makes the topics that are missing and returns when all are there. A topic with another number of partitions
// is a *[PartitionCountError]; other settings of existing topics are left as they are.
func EnsureTopics(ctx context.Context, cl *kgo.Client, specs ...TopicSpec) error {
	for _, spec := range specs {
		if err := ensureTopic(ctx, cl, spec); err != nil {
			return err
		}
	}
	return nil
}

func ensureTopic(ctx context.Context, cl *kgo.Client, spec TopicSpec) error {
	ticker := time.NewTicker(topicsPoll)
	defer ticker.Stop()
	for created := false; ; created = true {
		topic, found, err := DescribeTopic(ctx, cl, spec.Name)
		switch {
		case err != nil:
			return err
		case found && len(topic.Leaders) != spec.Partitions:
			return &PartitionCountError{Topic: spec.Name, Want: spec.Partitions, Have: len(topic.Leaders)}
		case found:
			return nil
		}
		if !created {
			if err := createTopic(ctx, cl, spec); err != nil {
				return fmt.Errorf("create topic %s: %w", spec.Name, err)
			}
			continue
		}
		select { // made, but the broker that was asked has not heard of it
		case <-ctx.Done():
			return fmt.Errorf("wait for topic %s: %w", spec.Name, ctx.Err())
		case <-ticker.C:
		}
	}
}

func createTopic(ctx context.Context, cl *kgo.Client, spec TopicSpec) error {
	settings := make(map[string]*string, len(spec.Settings))
	for name, value := range spec.Settings {
		settings[name] = &value
	}
	replication := spec.Replication
	if replication == 0 {
		replication = -1
	}
	_, err := kadm.NewClient(cl).CreateTopic(ctx, int32(spec.Partitions), replication, settings, spec.Name) //nolint:gosec // a number of partitions
	if errors.Is(err, kerr.TopicAlreadyExists) {
		return nil // another replica was faster; what it made is checked like any other
	}
	return err
}
