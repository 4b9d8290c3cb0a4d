package chaos

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ordo-platform/ordo/integration/judge"
)

// TestRebalanceStorm: two replicas share the partitions under load, and again and again someone joins all their groups, is given
// partitions, and leaves or falls silent. Now and then a replica ends too.
func TestRebalanceStorm(t *testing.T) {
	onlyInFull(t)
	t.Parallel()
	w, books := open(t)
	first := w.start(setup{place: 0})
	first.ready()
	second := w.start(setup{place: 1})
	second.ready()
	stop := books.Load(t, pace, first.url)
	for n := range 1 + rounds() {
		w.visitGroups(n%5 == 4)
		switch n % 4 {
		case 1:
			second.stop()
		case 3:
			second.kill()
			w.ForgetMembers()
		default:
			continue
		}
		second = w.start(setup{place: 1})
		second.ready()
	}
	stop()
	second.stop()
	first.ready()
	w.settleWith(first, books)
}

// visitGroups joins every group of the platform until it has partitions in each, applies nothing, and leaves, or goes in silence.
func (w *world) visitGroups(silent bool) {
	w.T.Helper()
	ctx, cancel := context.WithTimeout(w.T.Context(), judge.Patience)
	defer cancel()
	given := make(chan string)
	waiting := map[string]bool{}
	var visitors []*kgo.Client
	for _, group := range judge.Groups() {
		opts := []kgo.Opt{
			kgo.SeedBrokers(w.Brokers...), kgo.ConsumerGroup(group.Name), kgo.ConsumeTopics(group.Topics...),
			kgo.DisableAutoCommit(), kgo.HeartbeatInterval(100 * time.Millisecond),
			kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
				if len(partitions) > 0 {
					select {
					case given <- group.Name:
					case <-ctx.Done():
					}
				}
			}),
		}
		if silent {
			opts = append(opts, kgo.InstanceID("silent")) // such a member is not said to have left
		}
		visitor, err := kgo.NewClient(opts...)
		must(w.T, err)
		visitors = append(visitors, visitor)
		waiting[group.Name] = true
	}
	for len(waiting) > 0 {
		select {
		case name := <-given:
			delete(waiting, name)
		case <-ctx.Done():
			w.T.Fatalf("void: no partitions of %v", waiting)
		}
	}
	cancel()
	for _, visitor := range visitors {
		visitor.Close()
	}
	if silent {
		w.ForgetMembers()
	}
}
