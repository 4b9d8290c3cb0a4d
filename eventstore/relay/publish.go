package relay

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ordo-platform/ordo/internal/kafka"
)

// publisher writes batches as transactions. After an error it must not be used again, nor its client.
type publisher struct {
	client     *kgo.Client
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
	if err := p.client.BeginTransaction(); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	var produced kgo.FirstErrPromise
	for _, record := range b.records {
		p.client.Produce(ctx, record, produced.Promise())
	}
	p.client.Produce(ctx, p.checkpoint(b), produced.Promise())
	if err := p.client.Flush(ctx); err != nil {
		return fmt.Errorf("flush: %w", err) // do not wait for the rest: closing the client ends it
	}
	if err := produced.Err(); err != nil {
		return fmt.Errorf("produce: %w", err)
	}
	if err := p.client.EndTransaction(ctx, kgo.TryCommit); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

func (p publisher) checkpoint(b batch) *kgo.Record {
	return kafka.CheckpointRecord(p.service, kafka.Checkpoint{
		Position: b.position, Tails: b.tails, Epoch: p.epoch, Generation: p.generation,
	})
}
