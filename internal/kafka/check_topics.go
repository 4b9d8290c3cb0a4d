package kafka

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// MismatchError says what of the brokers or their topics is not as it must be.
type MismatchError struct{ Differences []Difference }

func (e *MismatchError) Error() string {
	lines := make([]string, len(e.Differences))
	for i, d := range e.Differences {
		lines[i] = d.String()
	}
	return strings.Join(lines, "; ")
}

// Difference is one setting that is not as it must be.
type Difference struct {
	Topic      string // empty: of the brokers
	Setting    string
	Want, Have string
	Mend       string // what to do
}

func (d Difference) String() string {
	of := d.Setting
	if d.Topic != "" {
		of = "topic " + d.Topic + ": " + of
	}
	return fmt.Sprintf("%s is %s, must be %s (%s)", of, d.Have, d.Want, d.Mend)
}

// CheckTopics compares the brokers and their topics with what they must be, and changes nothing. What differs is a
// *[MismatchError] that has all of it.
func CheckTopics(ctx context.Context, cl *kgo.Client, specs ...TopicSpec) error {
	var found []Difference
	version, err := TransactionVersion(ctx, cl)
	if err != nil {
		return err
	}
	if version < SafeTransactionVersion {
		found = append(found, Difference{
			Setting: "transaction.version", Want: fmt.Sprintf("%d or more", SafeTransactionVersion), Have: strconv.Itoa(int(version)),
			Mend: "use Kafka 4.0 or newer and: kafka-features.sh --bootstrap-server BROKER upgrade --feature transaction.version=2",
		})
	}
	admin := kadm.NewClient(cl)
	names := make([]string, len(specs))
	for i, spec := range specs {
		names[i] = spec.Name
	}
	topics, err := admin.ListTopics(ctx, names...)
	if err != nil {
		return fmt.Errorf("describe topics: %w", err)
	}
	var present []string
	for _, spec := range specs {
		topic := topics[spec.Name]
		if !topics.Has(spec.Name) {
			found = append(found, Difference{Topic: spec.Name, Setting: "it", Want: "there", Have: "missing", Mend: "run: ordo migrate"})
			continue
		}
		if topic.Err != nil {
			return fmt.Errorf("describe topic %s: %w", spec.Name, topic.Err)
		}
		present = append(present, spec.Name)
		found = append(found, spec.shape(topic)...)
	}
	if len(present) > 0 {
		settings, err := admin.DescribeTopicConfigs(ctx, present...)
		if err != nil {
			return fmt.Errorf("describe topics: %w", err)
		}
		for _, spec := range specs {
			if !slices.Contains(present, spec.Name) {
				continue
			}
			config, err := settings.On(spec.Name, nil)
			if err == nil {
				err = config.Err
			}
			if err != nil {
				return fmt.Errorf("describe topic %s: %w", spec.Name, err)
			}
			found = append(found, spec.settings(config)...)
		}
	}
	if len(found) > 0 {
		return &MismatchError{found}
	}
	return nil
}

// shape compares what no setting can change.
func (s TopicSpec) shape(topic kadm.TopicDetail) (found []Difference) {
	if have := len(topic.Partitions); have != s.Partitions {
		found = append(found, Difference{
			Topic: s.Name, Setting: "partitions", Want: strconv.Itoa(s.Partitions), Have: strconv.Itoa(have),
			Mend: "the number cannot be changed once events are stored: stop the services, delete the topic, run ordo migrate; the relay fills it again",
		})
	}
	if have := topic.Partitions.NumReplicas(); have != int(s.Replication) {
		found = append(found, Difference{
			Topic: s.Name, Setting: "replication", Want: strconv.Itoa(int(s.Replication)), Have: strconv.Itoa(have),
			Mend: "use kafka-reassign-partitions.sh, or set kafka.replication to " + strconv.Itoa(have),
		})
	}
	return found
}

func (s TopicSpec) settings(config kadm.ResourceConfig) (found []Difference) {
	have := map[string]string{}
	for _, c := range config.Configs {
		have[c.Key] = c.MaybeValue()
	}
	for _, name := range slices.Sorted(maps.Keys(s.Settings)) {
		if want := s.Settings[name]; have[name] != want {
			found = append(found, Difference{
				Topic: s.Name, Setting: name, Want: want, Have: cmp.Or(have[name], "not set"),
				Mend: fmt.Sprintf("run: kafka-configs.sh --bootstrap-server BROKER --alter --entity-type topics --entity-name %s --add-config %s=%s", s.Name, name, want),
			})
		}
	}
	return found
}
