package consumer_test

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ordo-platform/ordo/eventstore"
)

// elect gives every partition another leader epoch.
func (f *fixture) elect(t *testing.T) {
	t.Helper()
	for partition := range int32(partitions) {
		if err := f.cluster.MoveTopicPartition(f.topic(), partition, f.cluster.LeaderFor(f.topic(), partition)); err != nil {
			t.Fatal(err)
		}
	}
}

// The end of each partition was lost with its leader, and the relay has written it anew, in other portions: what a member has saved
// is an offset that exists, but behind events it has not seen. The epoch tells where to begin, the position what to skip. There
// is no log to ask, so an event that is left out would stop the partition.
func TestOffsetOfALostEpoch(t *testing.T) {
	t.Parallel()
	f := setupFake(t)
	f.publish(t, f.append(16)...)
	_, stop := f.start(t, f.config(handler{}))
	f.awaitApplied(t, 16)
	stop()
	lost := f.append(16) // 4 in each partition, applied from two transactions: with their markers, 6 offsets
	for _, e := range lost {
		f.exec(t, "INSERT INTO applied (partition, position) VALUES ($1, $2)", e.Partition, e.Position)
		f.exec(t, "UPDATE checkpoints SET version = version + 1, position = $1, consumed = applied + skipped + parked + 1, applied = applied + 1 WHERE partition = $2",
			e.Position, e.Partition)
	}
	f.exec(t, "UPDATE checkpoints SET next_offset = next_offset + 6")
	f.elect(t)
	f.publish(t, append(lost, f.append(16)...)...) // in one transaction: its fifth event is before that offset
	member, _ := f.start(t, f.config(handler{}))
	f.awaitApplied(t, 48)
	f.checkExact(t)
	f.checkSums(t)
	for partition := range int32(partitions) {
		if p := in(member, partition); p.Skipped != 4 || p.Holes != 0 {
			t.Errorf("partition %d: %+v", partition, p)
		}
	}
}

// The same while a member reads: the new leader says that the old epoch ended before where the member is.
func TestLeaderLosesRecords(t *testing.T) {
	t.Parallel()
	f := setupFake(t)
	f.publish(t, f.append(16)...)
	member, _ := f.start(t, f.config(handler{}))
	f.awaitApplied(t, 16)
	const end = 2 // of the 4 events of each partition, two are left
	f.cluster.ControlKey(int16(kmsg.OffsetForLeaderEpoch), func(r kmsg.Request) (kmsg.Response, error, bool) {
		f.cluster.KeepControl()
		request := r.(*kmsg.OffsetForLeaderEpochRequest) //nolint:forcetypeassert // by its key
		answer := request.ResponseKind().(*kmsg.OffsetForLeaderEpochResponse)
		for _, asked := range request.Topics {
			topic := kmsg.NewOffsetForLeaderEpochResponseTopic()
			topic.Topic = asked.Topic
			for _, p := range asked.Partitions {
				partition := kmsg.NewOffsetForLeaderEpochResponseTopicPartition()
				partition.Partition, partition.LeaderEpoch, partition.EndOffset = p.Partition, p.LeaderEpoch, end
				topic.Partitions = append(topic.Partitions, partition)
			}
			answer.Topics = append(answer.Topics, topic)
		}
		return answer, nil, true
	})
	f.elect(t)
	f.publish(t, f.append(16)...)
	f.awaitApplied(t, 32)
	f.checkExact(t)
	f.checkSums(t)
	for partition := range int32(partitions) {
		if p := in(member, partition); p.Skipped != 4-end || p.Holes != 0 || p.Position < eventstore.Position(29) {
			t.Errorf("partition %d: %+v", partition, p)
		}
	}
}

func (f *fixture) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	if _, err := f.pool.Exec(f.ctx, sql, args...); err != nil {
		t.Fatal(err)
	}
}
