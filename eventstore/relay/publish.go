package relay

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/failpoint"
	"github.com/ordo-platform/ordo/internal/kafka"
)

// publisher writes batches as transactions. After an error it must not be used again, nor its client.
type publisher struct {
	client     *kgo.Client
	log        Log
	service    string
	epoch      int64
	generation string
}

// publish writes a batch and its checkpoint as one transaction. An error leaves open whether it was committed.
func (p publisher) publish(ctx context.Context, b batch) error {
	if err := ctx.Err(); err != nil {
		return err // the client would send what it buffers, whatever has become of the context
	}
	// After that time the brokers abort the transaction.
	ctx, cancel := context.WithTimeout(ctx, kafka.TransactionTimeout)
	defer cancel()
	chain, err := p.log.LinkAt(ctx, b.position)
	if err != nil {
		return fmt.Errorf("link at %d: %w", b.position, err)
	}
	if err := p.client.BeginTransaction(); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	var produced kgo.FirstErrPromise
	for i, record := range b.records {
		if failpoint.Enabled && i == len(b.records)/2 { // a flush in parts is what a slow broker makes of one
			if err := errors.Join(p.client.Flush(ctx), failpoint.Hit(failpoint.RelayMidProduce, p.service)); err != nil {
				return err
			}
		}
		p.client.Produce(ctx, record, produced.Promise())
	}
	checkpoint := p.checkpoint(b, chain)
	p.client.Produce(ctx, checkpoint, produced.Promise())
	if err := p.client.Flush(ctx); err != nil {
		return fmt.Errorf("flush: %w", err) // do not wait for the rest: closing the client ends it
	}
	if err := produced.Err(); err != nil {
		return fmt.Errorf("produce: %w", err)
	}
	if err := failpoint.Hit(failpoint.RelayBeforeEndTxn, p.service); err != nil {
		return err
	}
	err = kafka.EndTransaction(ctx, p.client, kgo.TryCommit, append(slices.Clip(b.records), checkpoint)...)
	if err == nil {
		err = failpoint.Hit(failpoint.RelayAfterEndTxn, p.service)
	}
	if err != nil && failpoint.Is(failpoint.RetryAfterEndTxn) {
		return p.retry(ctx, b)
	}
	if err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// retry is a known mistake, see [failpoint.RetryAfterEndTxn].
func (p publisher) retry(ctx context.Context, b batch) error {
	_ = p.client.EndTransaction(ctx, kgo.TryAbort)
	for i, r := range b.records {
		b.records[i] = &kgo.Record{Topic: r.Topic, Partition: r.Partition, Key: r.Key, Value: r.Value, Headers: r.Headers, Timestamp: r.Timestamp}
	}
	return p.publish(ctx, b)
}

func (p publisher) checkpoint(b batch, chain eventstore.Link) *kgo.Record {
	return kafka.CheckpointRecord(p.service, kafka.Checkpoint{
		Position: b.position, Tails: b.tails, Chain: chain, Epoch: p.epoch, Generation: p.generation,
	})
}
