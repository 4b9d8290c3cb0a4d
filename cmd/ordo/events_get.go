package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/ordo-platform/ordo/eventstore"
	eventpg "github.com/ordo-platform/ordo/eventstore/postgres"
	"github.com/ordo-platform/ordo/internal/eventfile"
)

func newEventsGetCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "get ID|SERVICE:POSITION",
		Short: "Show one event with its data",
		Long: `Show one event: by its id, which is looked for in all services, or by its place, as in orders:41 (the form of the
Ordo-Position header).`,
		Example: "  ordo events get orders:41\n  ordo events get 0198c7a2-5b1e-7000-8000-000000000001 -o json",
		Args:    oneArg("the event"),
		RunE: func(cmd *cobra.Command, args []string) error {
			find, services, err := parsePlace(cmd, args[0])
			if err != nil {
				return err
			}
			sources, closeAll, err := openSources(cmd, &eventSelection{services: services})
			if err != nil {
				return err
			}
			defer closeAll()
			for _, s := range sources {
				row, found, err := find(cmd.Context(), s.log)
				if err != nil {
					return aboutDatabase(s.service, err)
				}
				if found {
					return printEvent(cmd, s.event(row))
				}
			}
			return &commandError{err: fmt.Errorf("event %s is not there", args[0]), exit: exitNotFound, code: "not_found"}
		},
	}
}

type findRow func(ctx context.Context, log *eventpg.Log) (eventpg.Row, bool, error)

// parsePlace tells how to find an event, and in which services.
func parsePlace(cmd *cobra.Command, text string) (findRow, []string, error) {
	if service, number, ok := strings.Cut(text, ":"); ok {
		position, err := strconv.ParseInt(number, 10, 64)
		if err != nil || position < 1 {
			return nil, nil, usagef(cmd, "%q is not a position", number)
		}
		return func(ctx context.Context, log *eventpg.Log) (eventpg.Row, bool, error) {
			return log.Row(ctx, eventstore.Position(position))
		}, []string{service}, checkServices(cmd, []string{service})
	}
	id, err := uuid.Parse(text)
	if err != nil {
		return nil, nil, usagef(cmd, "%q is neither an event id (a UUID) nor SERVICE:POSITION", text)
	}
	return func(ctx context.Context, log *eventpg.Log) (eventpg.Row, bool, error) { return log.RowByID(ctx, id) }, nil, nil
}

func printEvent(cmd *cobra.Command, e eventfile.Event) error {
	if wantsJSON(cmd) {
		printer := newEventPrinter(cmd)
		return errors.Join(printer.print(e), printer.flush())
	}
	err := printTable(cmd, func(w io.Writer) {
		row(w, "event", e.ID)
		row(w, "service", e.Service)
		row(w, "position", e.Position)
		row(w, "stream", e.Stream)
		row(w, "version", e.Version)
		row(w, "type", fmt.Sprintf("%s (schema version %d)", e.Type, e.SchemaVersion))
		row(w, "recorded", moment(e.RecordedAt))
	})
	if err != nil {
		return err
	}
	for _, part := range []struct {
		name string
		raw  []byte
	}{{"metadata", e.Metadata}, {"data", e.Data}} {
		if _, err := fmt.Fprintf(cmd.OutOrStdout(), "%s\n", part.name); err != nil {
			return err
		}
		if err := printIndented(cmd, part.raw); err != nil {
			return err
		}
	}
	return nil
}

// printIndented writes JSON for people, line by line harmless.
func printIndented(cmd *cobra.Command, raw []byte) error {
	var indented bytes.Buffer
	if err := json.Indent(&indented, bytes.TrimSpace(raw), "  ", "  "); err != nil {
		return err
	}
	for line := range strings.Lines("  " + indented.String()) {
		if _, err := fmt.Fprintln(cmd.OutOrStdout(), printable(strings.TrimRight(line, "\n"))); err != nil {
			return err
		}
	}
	return nil
}
