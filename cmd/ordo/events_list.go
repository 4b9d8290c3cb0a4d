package main

import (
	"errors"

	"github.com/spf13/cobra"
)

func newEventsListCommand() *cobra.Command {
	var s eventSelection
	limit := 50
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List events, oldest first",
		Long: `List events, oldest first: those of one service by position, those of several by the time they were recorded.
With -o json each is one line.`,
		Example: `  ordo events list --service orders --type OrderRejected --since 24h
  ordo events list --stream order-0d9b2a4e-6f57-4c11-9a53-2f1f3b1d2c11 -o json | jq .data`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 0 {
				return usagef(cmd, "--limit %d is negative", limit)
			}
			if err := s.check(cmd); err != nil {
				return err
			}
			sources, closeAll, err := openSources(cmd, &s)
			if err != nil {
				return err
			}
			defer closeAll()
			return listEvents(cmd, sources, limit)
		},
	}
	s.addFlags(cmd)
	cmd.Flags().IntVar(&limit, "limit", limit, "at most so many events, 0 for all")
	return cmd
}

func listEvents(cmd *cobra.Command, sources []source, limit int) error {
	printer := newEventPrinter(cmd)
	listed := 0
	var err error
	for event, readErr := range mergeEvents(cmd.Context(), sources) {
		if err = readErr; err != nil {
			break
		}
		if limit > 0 && listed == limit {
			if len(sources) == 1 {
				defer say(cmd, "There are more: add --from %d, or --limit 0", event.Position)
			} else {
				defer say(cmd, "There are more: add --limit 0, or --since %s", moment(event.RecordedAt))
			}
			break
		}
		if err = printer.print(event); err != nil {
			break
		}
		listed++
	}
	if err := errors.Join(err, printer.flush()); err != nil {
		return err
	}
	if listed == 0 && !wantsJSON(cmd) {
		say(cmd, "No events.")
	}
	return nil
}
