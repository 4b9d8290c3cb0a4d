package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/ordo-platform/ordo/eventstore"
	eventpg "github.com/ordo-platform/ordo/eventstore/postgres"
	"github.com/ordo-platform/ordo/internal/eventfile"
)

func newEventsCommand() *cobra.Command {
	group := newGroup("events", "Look into the event logs, and copy them",
		newEventsListCommand(), newEventsTailCommand(), newEventsGetCommand(), newEventsExportCommand(),
		newEventsImportCommand())
	group.Long = `Read the events of the services from their databases: those of a running "ordo dev", else those that
ORDO_<SERVICE>_DATABASE_URL name (as in ORDO_ORDERS_DATABASE_URL). Kafka is not asked.

With -o json an event is one line:

  {"service","position","stream","version","id","type","schema_version","recorded_at","data","metadata"}

data and metadata are the stored bytes. If they hold a line break, data_text (metadata_text) has them as a string instead.`
	return group
}

// eventSelection is which events a command is about.
type eventSelection struct {
	services     []string
	stream       string
	types        []string
	from, to     int64
	since, until string

	sinceTime, untilTime time.Time // zero: not given
}

func (s *eventSelection) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringSliceVar(&s.services, "service", nil, "only events of this `service` (default all)")
	flags.StringVar(&s.stream, "stream", "", "only events of this `stream`, like order-0198…")
	flags.StringSliceVar(&s.types, "type", nil, "only events of this `type`, like OrderPlaced")
	flags.Int64Var(&s.from, "from", 0, "first `position`")
	flags.Int64Var(&s.to, "to", 0, "last `position`")
	flags.StringVar(&s.since, "since", "", "only events recorded since this `time`: 2h ago, or 2026-11-25T03:00:00Z")
	flags.StringVar(&s.until, "until", "", "only events recorded before this `time`")
	completeFlag(cmd, "service", logServices()...)
}

// check finds what is wrong with the flags before anything is asked.
func (s *eventSelection) check(cmd *cobra.Command) error {
	if err := refuseEmpty(cmd, "service", "stream", "type", "since", "until"); err != nil {
		return err
	}
	if err := checkServices(cmd, s.services); err != nil {
		return err
	}
	slices.Sort(s.services)
	s.services = slices.Compact(s.services)
	for name, position := range map[string]int64{"from": s.from, "to": s.to} {
		if !cmd.Flags().Changed(name) {
			continue
		}
		if position < 1 {
			return usagef(cmd, "--%s %d: positions begin with 1", name, position)
		}
		if len(s.services) != 1 {
			return usagef(cmd, "--%s needs one --service: each has positions of its own", name)
		}
	}
	if s.to > 0 && s.from > s.to {
		return usagef(cmd, "--from %d is behind --to %d", s.from, s.to)
	}
	var err error
	if s.sinceTime, err = parseMoment(s.since); err != nil {
		return usagef(cmd, "--since %q: %s", s.since, err)
	}
	if s.untilTime, err = parseMoment(s.until); err != nil {
		return usagef(cmd, "--until %q: %s", s.until, err)
	}
	return nil
}

// parseMoment reads a time, or a duration as that long ago.
func parseMoment(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if ago, err := time.ParseDuration(text); err == nil {
		if ago < 0 {
			return time.Time{}, errors.New("want a duration that is not negative")
		}
		return time.Now().Add(-ago), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, errors.New("want a duration like 2h or a time like 2026-11-25T03:00:00Z")
	}
	return at, nil
}

// query is the eventSelection in one log, up to where the log ends now.
func (s *eventSelection) query(ctx context.Context, log *eventpg.Log) (eventpg.Query, error) {
	head, err := log.Head(ctx)
	if err != nil {
		return eventpg.Query{}, err
	}
	q := eventpg.Query{After: max(eventstore.Position(s.from)-1, 0), Until: head, Stream: eventstore.StreamID(s.stream), Types: s.types}
	if s.to > 0 {
		q.Until = min(q.Until, eventstore.Position(s.to))
	}
	if !s.sinceTime.IsZero() {
		first, err := log.Since(ctx, s.sinceTime)
		if err != nil {
			return eventpg.Query{}, err
		}
		q.After = max(q.After, first-1)
	}
	if !s.untilTime.IsZero() {
		behind, err := log.Since(ctx, s.untilTime)
		if err != nil {
			return eventpg.Query{}, err
		}
		q.Until = min(q.Until, behind-1)
	}
	return q, nil
}

// source is the log of a service, and what to read of it.
type source struct {
	service string
	log     *eventpg.Log
	query   eventpg.Query
}

// openSources opens the logs of a eventSelection that is checked.
func openSources(cmd *cobra.Command, s *eventSelection) (sources []source, closeAll func(), err error) {
	databases, closeAll, err := openDatabases(cmd.Context(), s.services, 2)
	if err != nil {
		return nil, nil, err
	}
	for _, d := range databases {
		log, err := eventpg.OpenLog(cmd.Context(), d.pool)
		if err == nil {
			var q eventpg.Query
			if q, err = s.query(cmd.Context(), log); err == nil {
				sources = append(sources, source{d.service, log, q})
			}
		}
		if err != nil {
			closeAll()
			return nil, nil, aboutDatabase(d.service, err)
		}
	}
	return sources, closeAll, nil
}

// event is a row on its way out.
func (s source) event(row eventpg.Row) eventfile.Event {
	return eventfile.Event{
		Service: s.service, Position: row.Position, Stream: row.Stream, Version: row.Version, ID: row.ID, Type: row.Type,
		SchemaVersion: row.SchemaVersion, RecordedAt: row.RecordedAt, Data: row.Data, Metadata: row.RawMetadata,
	}
}

// events reads one source.
func (s source) events(ctx context.Context) iter.Seq2[eventfile.Event, error] {
	return func(yield func(eventfile.Event, error) bool) {
		for row, err := range s.log.Rows(ctx, s.query) {
			if !yield(s.event(row), aboutDatabase(s.service, err)) || err != nil {
				return
			}
		}
	}
}

// mergeEvents reads several sources as one, oldest event first; the order within each log stays.
func mergeEvents(ctx context.Context, sources []source) iter.Seq2[eventfile.Event, error] {
	return func(yield func(eventfile.Event, error) bool) {
		type head struct {
			event eventfile.Event
			err   error
			next  func() (eventfile.Event, error, bool)
		}
		var heads []*head
		for _, s := range sources {
			next, stop := iter.Pull2(s.events(ctx))
			defer stop()
			h := &head{next: next}
			var ok bool
			if h.event, h.err, ok = next(); ok {
				heads = append(heads, h)
			}
		}
		for len(heads) > 0 {
			first := slices.MinFunc(heads, func(a, b *head) int { // of an error the time is zero, so it comes first
				return a.event.RecordedAt.Compare(b.event.RecordedAt)
			})
			if !yield(first.event, first.err) || first.err != nil {
				return
			}
			var ok bool
			if first.event, first.err, ok = first.next(); !ok {
				heads = slices.DeleteFunc(heads, func(h *head) bool { return h == first })
			}
		}
	}
}

// eventPrinter writes events as lines, of JSON or for people.
type eventPrinter struct {
	out    *bufio.Writer
	json   bool
	header bool // written
	line   []byte
}

func newEventPrinter(cmd *cobra.Command) *eventPrinter {
	return &eventPrinter{out: bufio.NewWriterSize(cmd.OutOrStdout(), 1<<16), json: wantsJSON(cmd)}
}

// textColumns stand below each other without a look at later rows: a log is too long for that.
const textColumns = "%-24s  %-9s  %9s  %-43s  %7s  %s\n"

func (p *eventPrinter) print(e eventfile.Event) error {
	if p.json {
		p.line = eventfile.Append(p.line[:0], e)
		_, err := p.out.Write(p.line)
		return err
	}
	if !p.header {
		p.header = true
		if _, err := fmt.Fprintf(p.out, textColumns, "RECORDED", "SERVICE", "POSITION", "STREAM", "VERSION", "TYPE"); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(p.out, textColumns, moment(e.RecordedAt), e.Service, fmt.Sprint(e.Position),
		printable(string(e.Stream)), fmt.Sprint(e.Version), printable(e.Type))
	return err
}

func (p *eventPrinter) flush() error { return p.out.Flush() }
