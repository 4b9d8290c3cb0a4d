package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/kafka"
	"github.com/ordo-platform/ordo/internal/testenv"
)

func setup(t *testing.T, opts ...kfake.Opt) (context.Context, kafka.Config, *kgo.Client) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	config := kafka.Config{Brokers: testenv.FakeKafka(t, opts...).ListenAddrs()}
	cl, err := config.NewClient()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return ctx, config, cl
}

func TestEnsureTopics(t *testing.T) {
	t.Parallel()
	ctx, _, cl := setup(t)
	specs := []kafka.TopicSpec{kafka.EventsTopicSpec("orders", 3, 1), kafka.RelayTopicSpec("orders", 1)}
	for range 2 { // the second time, all are there
		if err := kafka.EnsureTopics(ctx, cl, specs...); err != nil {
			t.Fatal(err)
		}
	}
	err := kafka.EnsureTopics(ctx, cl, kafka.RelayTopicSpec("orders", 1), kafka.EventsTopicSpec("orders", 4, 1))
	var count *kafka.PartitionCountError
	if !errors.As(err, &count) || *count != (kafka.PartitionCountError{Topic: "orders.events", Want: 4, Have: 3}) {
		t.Errorf("other number of partitions: %v", err)
	}
}

// transaction writes values to partition 0 of a topic and commits or aborts them. Without an end it stays open.
func transaction(ctx context.Context, t *testing.T, p *kgo.Client, topic string, end *kgo.TransactionEndTry, values ...string) {
	t.Helper()
	if err := p.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	var produced kgo.FirstErrPromise
	for _, v := range values {
		p.Produce(ctx, &kgo.Record{Topic: topic, Value: []byte(v)}, produced.Promise())
	}
	if err := p.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	if err := produced.Err(); err != nil {
		t.Fatal(err)
	}
	if end == nil {
		return
	}
	if err := kafka.EndTransaction(ctx, p, *end, &kgo.Record{Topic: topic}); err != nil {
		t.Fatal(err)
	}
}

func TestReadTails(t *testing.T) {
	t.Parallel()
	ctx, config, cl := setup(t)
	if err := kafka.EnsureTopics(ctx, cl, kafka.TopicSpec{Name: "t", Partitions: 2, Replication: 1}); err != nil {
		t.Fatal(err)
	}
	p, err := config.NewProducer("p")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	commit, abort := kgo.TryCommit, kgo.TryAbort
	all := func(*kgo.Record) bool { return true }
	expect := func(what string, accept func(*kgo.Record) bool, want string) {
		t.Helper()
		tails, err := kafka.ReadTails(ctx, cl, "t", accept)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		got := "none"
		if tails[0].Last != nil {
			got = string(tails[0].Last.Value)
		}
		if len(tails) != 2 || got != want || tails[1] != (kafka.Tail{}) {
			t.Errorf("%s: %s, want %s; %+v", what, got, want, tails)
		}
	}

	expect("empty", all, "none")
	transaction(ctx, t, p, "t", &abort, "aborted")
	expect("only aborted", all, "none")
	transaction(ctx, t, p, "t", &commit, "first", "second")
	expect("committed", all, "second")
	expect("only some count", func(r *kgo.Record) bool { return string(r.Value) == "first" }, "first")
	many := make([]string, 100)
	for i := range many {
		many[i] = "aborted"
	}
	for range 3 { // more than one look back
		transaction(ctx, t, p, "t", &abort, many...)
	}
	expect("behind many aborted", all, "second")
	for i := range 50 { // each with its marker
		transaction(ctx, t, p, "t", &commit, fmt.Sprint("lone ", i))
	}
	expect("many small", all, "lone 49")
	transaction(ctx, t, p, "t", nil, "open")
	expect("behind an open transaction", all, "lone 49")

	if _, err := kafka.ReadTails(ctx, cl, "missing", all); !errors.Is(err, kerr.UnknownTopicOrPartition) {
		t.Errorf("missing topic: %v", err)
	}
}

func TestLastCheckpoint(t *testing.T) {
	t.Parallel()
	ctx, config, cl := setup(t)
	if err := kafka.EnsureTopics(ctx, cl, kafka.RelayTopicSpec("orders", 1)); err != nil {
		t.Fatal(err)
	}
	if _, found, err := kafka.LastCheckpoint(ctx, cl, "orders"); found || err != nil {
		t.Errorf("empty topic: %v %v", found, err)
	}
	p, err := config.NewProducer("p")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	commit := kgo.TryCommit
	if err := p.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	want := kafka.Checkpoint{Position: 3, Tails: []eventstore.Position{3, 1}}
	var produced kgo.FirstErrPromise
	checkpoint := kafka.CheckpointRecord("orders", want)
	p.Produce(ctx, checkpoint, produced.Promise())
	if err := errors.Join(p.Flush(ctx), produced.Err(), kafka.EndTransaction(ctx, p, commit, checkpoint)); err != nil {
		t.Fatal(err)
	}
	transaction(ctx, t, p, "orders.relay", &commit, "not a checkpoint")
	got, found, err := kafka.LastCheckpoint(ctx, cl, "orders")
	if err != nil || !found || got.Position != 3 || len(got.Tails) != 2 {
		t.Errorf("%+v %v %v", got, found, err)
	}
}
