package integration

import (
	"fmt"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/ordo-platform/ordo/integration/judge"
	"github.com/ordo-platform/ordo/internal/app"
	"github.com/ordo-platform/ordo/internal/kafka"
)

// TestClusterFaults: three brokers, each partition on all of them, acknowledged once it is on two. Any one of them may be lost
// and work goes on without it; with two lost, orders are accepted and wait.
func TestClusterFaults(t *testing.T) {
	onlyInFull(t)
	t.Parallel()
	pg, cluster := Postgres(t), KafkaCluster(t)
	s := newShop(t, pg, pg.URL(), cluster.Addrs...)
	admin := kadm.NewClient(s.Client)
	var topics []string
	for _, service := range judge.Publishers {
		specs := []kafka.TopicSpec{kafka.EventsTopicSpec(service, 12, 3), kafka.RelayTopicSpec(service, 3)}
		if err := kafka.EnsureTopics(t.Context(), s.Client, specs...); err != nil {
			t.Fatal(err)
		}
		topics = append(topics, specs[0].Name, specs[1].Name)
	}
	// lose kills a broker, has a new order confirmed without it, and brings it back.
	lose := func(s *shop, id int32, what string) {
		s.t.Logf("broker %d is %s", id, what)
		broker := cluster.Nodes[id-1]
		broker.Kill(s.t)
		s.recovers()
		s.loaded(20)
		s.restart(broker, s.kafkaAnswers)
		awaitReplicas(s, admin, topics)
	}
	s.suffer(t, []fault{
		{"all leaders move", true, func(s *shop) { moveLeaders(s, admin, topics) }},
		{"the coordinator of a relay's transactions is lost", true, func(s *shop) {
			id := "ordo-relay-" + app.Orders
			lose(s, coordinator(s, id, admin.FindTxnCoordinators(s.t.Context(), id)), "the coordinator of "+id)
		}},
		{"the coordinator of a consumer group is lost", true, func(s *shop) {
			group := "inventory.fulfilment"
			lose(s, coordinator(s, group, admin.FindGroupCoordinators(s.t.Context(), group)), "the coordinator of "+group)
		}},
		{"two of three brokers are lost", true, func(s *shop) {
			for _, broker := range cluster.Nodes[1:] {
				broker.Kill(s.t)
			}
			s.noticed()
			s.loaded(20)
			for _, broker := range cluster.Nodes[1:] {
				s.restart(broker, s.kafkaAnswers)
			}
			awaitReplicas(s, admin, topics)
		}},
	})
}

func coordinator(s *shop, name string, found kadm.FindCoordinatorResponses) int32 {
	s.t.Helper()
	c, ok := found[name]
	if !ok || c.Err != nil {
		s.t.Fatalf("coordinator of %s: %v", name, c.Err)
	}
	return c.NodeID
}

// moveLeaders makes the next replica of each partition its leader.
func moveLeaders(s *shop, admin *kadm.Client, topics []string) {
	s.t.Helper()
	before, err := admin.ListTopics(s.t.Context(), topics...)
	if err != nil {
		s.t.Fatal(err)
	}
	var request kadm.AlterPartitionAssignmentsReq
	before.EachPartition(func(p kadm.PartitionDetail) {
		request.Assign(p.Topic, p.Partition, append(slices.Clone(p.Replicas[1:]), p.Replicas[0]))
	})
	changed, err := admin.AlterPartitionAssignments(s.t.Context(), request)
	if err == nil {
		err = changed.Error()
	}
	if err != nil {
		s.t.Fatal(err)
	}
	await(s.t, "no partition has its leader where it was", func() bool {
		// A partition whose preferred replica leads already answers that there is nothing to elect.
		if _, err := admin.ElectLeaders(s.t.Context(), kadm.ElectPreferredReplica, before.TopicsSet()); err != nil {
			return false
		}
		now, err := admin.ListTopics(s.t.Context(), topics...)
		moved := err == nil
		before.EachPartition(func(p kadm.PartitionDetail) {
			moved = moved && now[p.Topic].Partitions[p.Partition].Leader != p.Leader
		})
		return moved
	})
}

// awaitReplicas waits until all replicas are in sync, so that the next broker may be lost.
func awaitReplicas(s *shop, admin *kadm.Client, topics []string) {
	s.t.Helper()
	missing := ""
	if !judge.Within(s.t, startTimeout, func() bool {
		now, err := admin.ListTopicsWithInternal(s.t.Context(), append(topics, "__consumer_offsets", "__transaction_state")...)
		if err != nil {
			missing = err.Error()
			return false
		}
		missing = ""
		now.EachPartition(func(p kadm.PartitionDetail) {
			if len(p.ISR) != 3 {
				missing = fmt.Sprintf("%s/%d has in sync %v", p.Topic, p.Partition, p.ISR)
			}
		})
		return missing == ""
	}) {
		s.t.Fatalf("replicas do not catch up: %s", missing)
	}
}
