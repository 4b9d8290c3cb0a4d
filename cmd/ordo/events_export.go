package main

import (
	"bufio"
	"errors"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/eventfile"
)

func newEventsExportCommand() *cobra.Command {
	var s eventSelection
	cmd := &cobra.Command{
		Use:   "export FILE",
		Short: "Write events to a file, one JSON line each",
		Long: `Write events to a file ("-" for standard output), in the form of "ordo events list -o json": service after service, each
in the order of its log, up to where the log ends when the export begins. "ordo events import" reads the file.

Only events are exported: not the idempotency keys of requests, nor tasks that are still to be done. The file appears
when it is complete.`,
		Example: "  ordo events export orders.jsonl --service orders\n  ordo events export - | zstd > events.jsonl.zst",
		Args:    oneArg("the file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := s.check(cmd); err != nil {
				return err
			}
			sources, closeAll, err := openSources(cmd, &s)
			if err != nil {
				return err
			}
			defer closeAll()
			return writeFile(cmd, args[0], func(w io.Writer) error { return exportEvents(cmd, sources, w) })
		},
	}
	s.addFlags(cmd)
	return cmd
}

// writeFile writes a file as a whole or not at all; "-" is standard output.
func writeFile(cmd *cobra.Command, name string, write func(io.Writer) error) (err error) {
	if name == "-" {
		return write(cmd.OutOrStdout())
	}
	part := name + ".part"
	file, err := os.OpenFile(part, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600) // events are nobody else's business
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(part)
		}
	}()
	if err := errors.Join(write(file), file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(part, name)
}

func exportEvents(cmd *cobra.Command, sources []source, to io.Writer) error {
	var total, before eventstore.Position
	for _, s := range sources {
		total += max(0, s.query.Until-s.query.After)
	}
	out := bufio.NewWriterSize(to, 1<<18)
	progress := startProgress(cmd, "exported", int64(total))
	defer progress.stop()
	exported := int64(0)
	var line []byte
	for _, s := range sources {
		for event, err := range s.events(cmd.Context()) {
			if err != nil {
				return errors.Join(err, out.Flush())
			}
			line = eventfile.Append(line[:0], event)
			if _, err := out.Write(line); err != nil {
				return err
			}
			exported++
			progress.reach(int64(before+event.Position-s.query.After), exported) // those that were not asked for are done, too
		}
		before += max(0, s.query.Until-s.query.After)
	}
	if err := out.Flush(); err != nil {
		return err
	}
	progress.stop()
	say(cmd, "exported %d events", exported)
	return nil
}
