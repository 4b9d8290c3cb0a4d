package consumer_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ordo-platform/ordo/eventstore"
)

// fetched counts the events that a client has fetched.
type fetched struct{ n atomic.Int64 }

func (f *fetched) OnFetchRecordBuffered(*kgo.Record) { f.n.Add(1) }

// After a rest a round has also what has come since the client fetched ahead.
func TestARoundHasWhatCameMeanwhile(t *testing.T) {
	t.Parallel()
	f := setup(t)
	const many = 10 * partitions // enough for a consumer to rest after them
	var client fetched
	rounds, goOn := make(chan int), make(chan struct{})
	c := f.config(handler{before: func(_ context.Context, _ pgx.Tx, events []eventstore.Recorded) error {
		rounds <- len(events)
		<-goOn
		return nil
	}})
	c.MaxPoll, c.Options = 10*many, []kgo.Opt{kgo.WithHooks(&client)}
	_, stop := f.start(t, c)
	handled := 0
	round := func() int { // lets one begin
		n := <-rounds
		handled += n
		return n
	}
	for again := true; again; {
		f.publish(t, f.append(many)...)
		round()
		f.publish(t, f.append(many)...)
		f.await(t, "what is fetched ahead", func() bool { return client.n.Load() > int64(handled) })
		f.publish(t, f.append(many)...)
		ahead := int(client.n.Load()) - handled
		goOn <- struct{}{}
		again = round() <= ahead // a slow broker's answer may come too late
		goOn <- struct{}{}
		for handled < len(f.log) {
			round()
			goOn <- struct{}{}
		}
	}
	f.awaitApplied(t, len(f.log))
	stop()
	f.checkExact(t)
}
