package kafka_test

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ordo-platform/ordo/internal/kafka"
)

// The broker has a record of a topic that is new to the client, and the client is not yet done with taking note of the topic.
func TestCommitOfTheFirstTransaction(t *testing.T) {
	t.Parallel()
	ctx, config, cl := setup(t)
	if err := kafka.EnsureTopics(ctx, cl, kafka.TopicSpec{Name: "t", Partitions: 1, Replication: 1}); err != nil {
		t.Fatal(err)
	}
	goOn := make(chan struct{})
	config.Options = []kgo.Opt{kgo.RecordPartitioner(kgo.BasicConsistentPartitioner(func(string) func(*kgo.Record, int) int {
		return func(r *kgo.Record, _ int) int {
			if string(r.Value) == "refused" {
				<-goOn
				return -1
			}
			return 0
		}
	}))}
	p, err := config.NewProducer("p")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := p.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	written, refused := &kgo.Record{Topic: "t", Value: []byte("written")}, &kgo.Record{Topic: "t", Value: []byte("refused")}
	sent := make(chan error, 1)
	go func() {
		p.Produce(ctx, written, func(_ *kgo.Record, err error) { sent <- err })
		p.Produce(ctx, refused, func(*kgo.Record, error) {})
		_ = p.Flush(ctx)
	}()
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	committed := make(chan error, 1)
	go func() { committed <- kafka.EndTransaction(ctx, p, kgo.TryCommit, written) }()
	select {
	case err = <-committed:
		close(goOn)
	case <-time.After(50 * time.Millisecond):
		close(goOn)
		err = <-committed
	}
	if err != nil {
		t.Fatal(err)
	}
	tails, err := kafka.ReadTails(ctx, cl, "t", func(*kgo.Record) bool { return true })
	if err != nil || tails[0].Last == nil {
		t.Errorf("not committed: %+v %v", tails, err)
	}
}
