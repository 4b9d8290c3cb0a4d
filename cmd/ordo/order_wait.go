package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/ordo-platform/ordo/internal/client"
)

// orderWait is what the flags --wait and --timeout say.
type orderWait struct {
	wait    bool
	timeout time.Duration
}

// addFlags adds the flags. until says what is waited for.
func (w *orderWait) addFlags(cmd *cobra.Command, until string) {
	cmd.Flags().BoolVar(&w.wait, "wait", false, "wait until the order is "+until)
	cmd.Flags().DurationVar(&w.timeout, "timeout", 30*time.Second, "how long to --wait")
}

func (w *orderWait) check(cmd *cobra.Command) error {
	switch {
	case cmd.Flags().Changed("timeout") && !w.wait:
		return usagef(cmd, "--timeout needs --wait")
	case w.timeout <= 0:
		return usagef(cmd, "--timeout %s: want more than 0s", w.timeout)
	}
	return nil
}

const (
	firstPoll = 50 * time.Millisecond
	lastPoll  = time.Second
)

// until reads the order until it has come where it is awaited and returns what it saw last. A read model that has not come
// so far, or an API that does not answer, is waited for as well.
func (w *orderWait) until(ctx context.Context, api *client.Client, last client.Answer[client.Order], done func(client.Status) bool) (client.Answer[client.Order], error) {
	bounded, cancel := context.WithTimeout(ctx, w.timeout)
	defer cancel()
	id, after, trouble := last.Value.ID, last.Position, error(nil)
	for pause := firstPoll; ; pause = min(2*pause, lastPoll) {
		now, err := api.Order(bounded, id, after)
		switch {
		case err == nil && done(now.Value.Status):
			return now, nil
		case err == nil:
			last, trouble = now, nil
		case isNotFound(err) || client.Temporary(err):
			trouble = err
		case bounded.Err() == nil:
			return last, aboutOrder(id, err)
		}
		select {
		case <-time.After(pause):
		case <-bounded.Done():
			if ctx.Err() != nil {
				return last, ctx.Err()
			}
			return last, w.tooLate(last.Value, trouble)
		}
	}
}

// tooLate is the error of a wait that took too long.
func (w *orderWait) tooLate(order client.Order, trouble error) error {
	err := fmt.Errorf("order %s is still %s after %s", order.ID, order.Status, w.timeout)
	if trouble != nil {
		err = fmt.Errorf("%w (%s)", err, trouble.Error()) // words only: it is the time that ran out
	}
	return &commandError{err: err, code: "timeout", advice: "Look again later: ordo order get " + order.ID}
}
