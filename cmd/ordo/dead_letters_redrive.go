package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/ordo-platform/ordo/internal/consumer"
)

// changed is what a redrive or discard has done.
type changed struct {
	DryRun    bool  `json:"dry_run"`
	Keys      int64 `json:"keys"`      // that were parked
	Events    int64 `json:"events"`    // that waited under them
	Junk      int64 `json:"junk"`      // records that are no events
	Done      bool  `json:"done"`      // the consumers have done what was asked
	Applied   int64 `json:"applied"`   // of the events
	Discarded int64 `json:"discarded"` // of the events and of the records that are none
}

type changeOptions struct {
	selection
	reason string
	dryRun bool
	wait   time.Duration
}

func (o *changeOptions) flags(cmd *cobra.Command) {
	o.selection.flags(cmd)
	cmd.Flags().BoolVar(&o.all, "all", false, "everything that is parked (of --consumer, if given)")
	cmd.Flags().StringVar(&o.reason, "reason", "", "why, for those who look later; kept with the dead letters")
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "only show what would be touched")
	cmd.Flags().DurationVar(&o.wait, "wait", 30*time.Second, "how long to wait for the consumers to do it; 0 does not wait")
}

func (o *changeOptions) validate(cmd *cobra.Command, args []string) error {
	if err := o.read(cmd, args); err != nil {
		return err
	}
	if err := o.narrow(cmd); err != nil {
		return err
	}
	if o.reason == "" && !o.dryRun {
		return usagef(cmd, "--reason is needed: it is kept with the dead letters")
	}
	if o.wait < 0 {
		return usagef(cmd, "--wait %s: want 0 or more", o.wait)
	}
	return nil
}

func newDeadLettersRedriveCommand() *cobra.Command {
	var o changeOptions
	var rate int
	cmd := &cobra.Command{
		Use:   "redrive [FINGERPRINT|NUMBER]",
		Short: "Apply what is parked, oldest first",
		Long: `Ask the consumer to apply what is parked under the keys that the selection touches: the event that failed and all that wait
behind it, in order, before anything newer of the key. What fails again stays parked, with the rest behind it. Asking twice
is asking once.`,
		Example: "  ordo dead-letters redrive 3f2a90c1d2e4 --reason 'fixed in 1.4.2'\n  ordo dead-letters redrive --all --consumer views.orderview --rate 20 --dry-run",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if rate < 1 {
				return usagef(cmd, "--rate %d: want 1 or more", rate)
			}
			if err := o.validate(cmd, args); err != nil {
				return err
			}
			return o.run(cmd, true, func(d *consumer.DeadLetters) (consumer.Selected, error) {
				return d.Redrive(cmd.Context(), o.Selection, o.reason, rate)
			})
		},
	}
	o.flags(cmd)
	cmd.Flags().IntVar(&rate, "rate", consumer.DefaultRedriveRate, "`events` per second in each partition")
	return cmd
}

func newDeadLettersDiscardCommand() *cobra.Command {
	var o changeOptions
	var followers bool
	cmd := &cobra.Command{
		Use:   "discard [FINGERPRINT|NUMBER]",
		Short: "Give up what cannot be applied",
		Long: `Give up the event that failed under each key that the selection touches. What waits behind it goes on waiting, until it is
redriven; --with-followers gives that up as well. Nothing is deleted: the dead letters stay, with the reason.`,
		Example: "  ordo dead-letters discard 3f2a90c1d2e4 --reason 'test data'\n  ordo dead-letters discard --key MUG --with-followers --reason 'SKU never existed'",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.validate(cmd, args); err != nil {
				return err
			}
			return o.run(cmd, false, func(d *consumer.DeadLetters) (consumer.Selected, error) {
				return d.Discard(cmd.Context(), o.Selection, o.reason, followers)
			})
		},
	}
	o.flags(cmd)
	cmd.Flags().BoolVar(&followers, "with-followers", false, "also what waits behind the event that failed")
	return cmd
}

// run asks in every database and waits. A selection that one of them knows nothing about is fine as long as another does.
func (o *changeOptions) run(cmd *cobra.Command, redrive bool, ask func(*consumer.DeadLetters) (consumer.Selected, error)) error {
	total := changed{DryRun: o.dryRun, Done: true}
	refusal := consumer.ErrNotParked
	touched := false
	err := eachDatabase(cmd.Context(), o.Consumer, func(_ string, d *consumer.DeadLetters) error {
		found, err := o.ask(cmd.Context(), d, redrive, ask)
		if isRefusal(err) {
			if !errors.Is(err, consumer.ErrNotParked) {
				refusal = err
			}
			return nil
		}
		if err != nil {
			return err
		}
		touched = true
		total.Keys, total.Events, total.Junk = total.Keys+found.Keys, total.Events+found.Events, total.Junk+found.Junk
		if o.dryRun {
			total.Done = false
			return nil
		}
		after, err := o.await(cmd, d)
		total.Done = total.Done && after.Requested == 0
		total.Applied += after.Applied - found.Applied
		total.Discarded += after.Discarded - found.Discarded
		return err
	})
	switch {
	case err != nil:
		return err
	case !touched:
		return refused(refusal)
	}
	return o.report(cmd, total, redrive)
}

func isRefusal(err error) bool {
	return errors.Is(err, consumer.ErrNotParked) || errors.Is(err, consumer.ErrAlreadyApplied) ||
		errors.Is(err, consumer.ErrDiscarded) || errors.Is(err, consumer.ErrNotAnEvent)
}

func (o *changeOptions) ask(ctx context.Context, d *consumer.DeadLetters, redrive bool, ask func(*consumer.DeadLetters) (consumer.Selected, error)) (consumer.Selected, error) {
	if !o.dryRun {
		return ask(d)
	}
	found, err := d.Count(ctx, o.Selection)
	if err == nil {
		err = found.Refuse(redrive)
	}
	return found, err
}

// await waits until the consumers have done what was asked, or the time is over.
func (o *changeOptions) await(cmd *cobra.Command, d *consumer.DeadLetters) (consumer.Selected, error) {
	ctx := cmd.Context()
	deadline := time.Now().Add(o.wait)
	spoke := time.Now()
	for {
		left, err := d.Count(ctx, o.Selection)
		if err != nil || left.Requested == 0 || !time.Now().Before(deadline) {
			return left, err
		}
		if time.Since(spoke) > 5*time.Second {
			spoke = time.Now()
			say(cmd, "%d keys to go, %d events parked", left.Requested, left.Events)
		}
		select {
		case <-ctx.Done():
			return left, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (o *changeOptions) report(cmd *cobra.Command, total changed, redrive bool) error {
	if wantsJSON(cmd) {
		if err := printValue(cmd, total); err != nil {
			return err
		}
	}
	switch {
	case o.dryRun:
		say(cmd, "Would touch %d keys with %d events, and %d records that are no events.", total.Keys, total.Events, total.Junk)
	case !total.Done:
		say(cmd, "Asked for, not done yet: the consumers do it as soon as they run.")
	case redrive && total.Applied < total.Events:
		return &commandError{
			err:  fmt.Errorf("%d of %d events applied: the next one failed again, and the rest waits behind it", total.Applied, total.Events),
			exit: exitFailed, code: "failed", advice: "See: ordo dead-letters list",
		}
	case redrive:
		say(cmd, "%d events of %d keys applied.", total.Applied, total.Keys)
	default:
		say(cmd, "%d dead letters discarded, %d events wait behind them.", total.Discarded, max(0, total.Events+total.Junk-total.Discarded))
	}
	return nil
}
