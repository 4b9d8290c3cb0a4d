package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/eventfile"
)

// A tail looks for new events more often while there are some.
const (
	minTailInterval = 20 * time.Millisecond
	maxTailInterval = 500 * time.Millisecond
	// tailRetry is how often a database that cannot be reached is asked again.
	tailRetry = time.Second
)

func newEventsTailCommand() *cobra.Command {
	var s eventSelection
	limit := 10
	var follow bool
	cmd := &cobra.Command{
		Use:   "tail",
		Short: "Show the newest events, and those to come",
		Long: `Show the newest events, oldest of them first; --since shows all since a time. With --follow new events are shown as
they are committed, until Ctrl-C: each exactly once, in the order of its log, also across a restart of the database.`,
		Example: "  ordo events tail --since 2h --follow\n  ordo events tail --service orders --type OrderRejected -f -o json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 0 {
				return usagef(cmd, "--limit %d is negative", limit)
			}
			if follow && (s.to > 0 || s.until != "") {
				return usagef(cmd, "--follow has no end: leave out --to and --until")
			}
			if (s.since != "" || s.from > 0) && !cmd.Flags().Changed("limit") {
				limit = 0
			}
			if err := s.check(cmd); err != nil {
				return err
			}
			sources, closeAll, err := openSources(cmd, &s)
			if err != nil {
				return err
			}
			defer closeAll()
			t := tail{cmd: cmd, sources: sources, printer: newEventPrinter(cmd)}
			if err := t.start(cmd.Context(), limit); err != nil || !follow {
				return err
			}
			return t.follow(cmd.Context())
		},
	}
	s.addFlags(cmd)
	cmd.Flags().IntVar(&limit, "limit", limit, "begin with so many events, 0 for all (default 10, all with --since or --from)")
	cmd.Flags().Lookup("limit").DefValue = ""
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with new events until Ctrl-C")
	return cmd
}

// tail prints events as they come. The query of each source begins behind what was printed of it.
type tail struct {
	cmd     *cobra.Command
	sources []source
	printer *eventPrinter
}

// start prints what is there: the newest so many events, or all for 0.
func (t *tail) start(ctx context.Context, limit int) error {
	if limit == 0 {
		_, err := t.printNew(ctx)
		return err
	}
	var newest []eventfile.Event
	for i := range t.sources {
		s := &t.sources[i]
		rows, err := s.log.Last(ctx, s.query, limit)
		if err != nil {
			return aboutDatabase(s.service, err)
		}
		for _, row := range rows {
			newest = append(newest, s.event(row))
		}
		s.query.After = s.query.Until
	}
	slices.SortStableFunc(newest, func(a, b eventfile.Event) int { return a.RecordedAt.Compare(b.RecordedAt) })
	var err error
	for _, event := range newest[max(0, len(newest)-limit):] {
		err = errors.Join(err, t.printer.print(event))
	}
	return errors.Join(err, t.printer.flush())
}

// printNew prints what the queries say, and moves them behind it.
func (t *tail) printNew(ctx context.Context) (printed bool, err error) {
	for event, readErr := range mergeEvents(ctx, t.sources) {
		if err = readErr; err != nil {
			break
		}
		if err = t.printer.print(event); err != nil {
			err = &outputError{err}
			break
		}
		printed = true
		t.source(event.Service).query.After = event.Position
	}
	if flushErr := t.printer.flush(); flushErr != nil {
		return printed, &outputError{flushErr}
	}
	if err != nil {
		return printed, err
	}
	for i := range t.sources { // also behind events that were not asked for
		t.sources[i].query.After = t.sources[i].query.Until
	}
	return printed, nil
}

// outputError says that nobody takes what a tail prints: there is no use in trying again.
type outputError struct{ error }

func (e *outputError) Unwrap() error { return e.error }

func (t *tail) source(service string) *source {
	i := slices.IndexFunc(t.sources, func(s source) bool { return s.service == service })
	return &t.sources[i]
}

// follow prints new events until ctx ends. It asks the heads of the logs again and again; an event below a head is
// committed, and none will appear below it later.
func (t *tail) follow(ctx context.Context) error {
	interval, lost := minTailInterval, false
	for {
		printed, err := t.round(ctx)
		var output *outputError
		var shorter *shorterLogError
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &output), errors.As(err, &shorter):
			return err
		case err != nil:
			if !lost {
				say(t.cmd, "%s; trying again until it is back", err)
			}
			lost, interval = true, tailRetry
		case lost:
			say(t.cmd, "it is back")
			lost, interval = false, minTailInterval
		case printed:
			interval = minTailInterval
		default:
			interval = min(2*interval, maxTailInterval)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(interval):
		}
	}
}

func (t *tail) round(ctx context.Context) (printed bool, err error) {
	for i := range t.sources {
		s := &t.sources[i]
		head, err := s.log.Head(ctx)
		if err != nil {
			return false, aboutDatabase(s.service, err)
		}
		if head < s.query.After {
			return false, &shorterLogError{s.service, head, s.query.After}
		}
		s.query.Until = head
	}
	return t.printNew(ctx)
}

// shorterLogError says that a log has lost its end.
type shorterLogError struct {
	service   string
	head, was eventstore.Position
}

func (e *shorterLogError) Error() string {
	return fmt.Sprintf("%s: the log ends at %d and had %d events before: an older copy of the database was put in its place", e.service, e.head, e.was)
}
