package main

import (
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/ordo-platform/ordo/internal/consumer"
)

func newDeadLettersListCommand() *cobra.Command {
	var s selection
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List what is parked, grouped by cause",
		Long: `List what is parked now, one line per cause. FAILED counts the events that could not be applied, WAITING those behind them.
With -o json the answer is {"groups":[{"consumer","fingerprint","class","type","error","failed","waiting","keys","requested",…}]}.`,
		Example: "  ordo dead-letters list\n  ordo dead-letters list --consumer views.orderview -o json | jq '.groups[].fingerprint'",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := refuseEmpty(cmd, "consumer"); err != nil {
				return err
			}
			groups := []consumer.DeadLetterGroup{}
			err := eachDatabase(cmd.Context(), s.Consumer, func(_ string, d *consumer.DeadLetters) error {
				of, err := d.Groups(cmd.Context(), s.Consumer)
				groups = append(groups, of...)
				return err
			})
			if err != nil {
				return err
			}
			return printDeadLetterGroups(cmd, groups)
		},
	}
	cmd.Flags().StringVar(&s.Consumer, "consumer", "", "only those of this `consumer`, as in views.orderview")
	return cmd
}

func printDeadLetterGroups(cmd *cobra.Command, groups []consumer.DeadLetterGroup) error {
	if wantsJSON(cmd) {
		return printValue(cmd, map[string]any{"groups": groups})
	}
	if len(groups) == 0 {
		say(cmd, "No dead letters.")
		return nil
	}
	return printTable(cmd, func(w io.Writer) {
		row(w, "FINGERPRINT", "CONSUMER", "CLASS", "TYPE", "FAILED", "WAITING", "KEYS", "ASKED", "LAST", "ERROR")
		for _, g := range groups {
			row(w, g.Fingerprint, g.Consumer, g.Class, g.Type, g.Failed, g.Waiting, g.Keys, g.Requested, moment(g.LastAt), shortened(g.Error, 80))
		}
	})
}

const maxShown = 200

func newDeadLettersShowCommand() *cobra.Command {
	var s selection
	cmd := &cobra.Command{
		Use:   "show [FINGERPRINT|NUMBER]",
		Short: "Show single dead letters, whatever became of them",
		Long: fmt.Sprintf(`Show dead letters, oldest first, %d at most, also those that were redriven or discarded, with the reason that was given.
With -o json the answer is {"letters":[…]}, whose value is the record's in base64.`, maxShown),
		Example: "  ordo dead-letters show 3f2a90c1d2e4\n  ordo dead-letters show --key 0198c7a2-0000-7000-8000-000000000001\n  ordo dead-letters show 17 --consumer views.orderview -o json",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := s.read(cmd, args); err != nil {
				return err
			}
			letters := []consumer.DeadLetter{}
			err := eachDatabase(cmd.Context(), s.Consumer, func(_ string, d *consumer.DeadLetters) error {
				of, err := d.Letters(cmd.Context(), s.Selection, maxShown-len(letters))
				letters = append(letters, of...)
				return err
			})
			switch {
			case err != nil:
				return err
			case len(letters) == 0 && (len(args) > 0 || s.Key != ""):
				return refused(consumer.ErrNotParked)
			}
			return printDeadLetters(cmd, letters)
		},
	}
	s.flags(cmd)
	return cmd
}

func printDeadLetters(cmd *cobra.Command, letters []consumer.DeadLetter) error {
	if wantsJSON(cmd) {
		return printValue(cmd, map[string]any{"letters": letters})
	}
	return printTable(cmd, func(w io.Writer) {
		row(w, "NUMBER", "CONSUMER", "KEY", "POSITION", "TYPE", "STATUS", "FOLLOWS", "ATTEMPTS", "PARKED", "ERROR", "DATA")
		for _, l := range letters {
			follows, data := "-", "(binary)"
			if l.Follows > 0 {
				follows = fmt.Sprint(l.Follows)
			}
			if utf8.Valid(l.Value) {
				data = shortened(string(l.Value), 60)
			}
			text := l.Error
			if l.Reason != "" {
				text = l.Reason
			}
			row(w, l.ID, l.Consumer, l.Key, l.Position, l.Type, l.Status, follows, l.Attempts, moment(l.ParkedAt), shortened(text, 80), data)
		}
	})
}

func shortened(text string, limit int) string {
	if runes := []rune(text); len(runes) > limit {
		return string(runes[:limit-1]) + "…"
	}
	return text
}
