package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/ordo-platform/ordo/eventstore"
	eventpg "github.com/ordo-platform/ordo/eventstore/postgres"
	"github.com/ordo-platform/ordo/internal/eventfile"
)

// maxLine is the longest line that can hold an event: its largest data, every byte of it escaped.
const maxLine = 6*(eventstore.MaxEventBytes+eventstore.MaxMetadataBytes) + 64<<10

func newEventsImportCommand() *cobra.Command {
	var unsafeDurability bool
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Bring events of a file into the logs",
		Long: `Bring the events of a file of "ordo events export" ("-" for standard input) into the logs of their services. A log may be
empty or have events; new ones go behind them, in the order of the file, at new positions. Ids, versions, data and metadata
stay as they are; the hash chain of the log is continued. The time of an event stays, too, unless it is before that of the
last event in the log: then it becomes that.

Every line is checked: versions must continue their streams. An event that is there already must be the same and is left
alone, so an import that was broken off (Ctrl-C, kill -9, a lost connection) is simply started again. What was imported
before an error stays.

It is safe beside a running service, whose appends wait for a moment at times. The service publishes what was imported.`,
		Example: "  ordo events import orders.jsonl\n  zstd -dc events.jsonl.zst | ordo events import -",
		Args:    oneArg("the file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			in, size := cmd.InOrStdin(), int64(0)
			if args[0] != "-" {
				file, err := os.Open(args[0])
				if err != nil {
					return &commandError{err: err, exit: exitUsage, code: "usage"}
				}
				defer func() { _ = file.Close() }()
				if info, err := file.Stat(); err == nil && info.Mode().IsRegular() {
					size = info.Size()
				}
				in = file
			}
			return importEvents(cmd, args[0], in, size, eventpg.Config{UnsafeDurability: unsafeDurability})
		},
	}
	cmd.Flags().BoolVar(&unsafeDurability, "unsafe-durability", false, "also into a server that may lose commits (fsync off): for throw-away data")
	return cmd
}

// fileChunk is a run of lines of one service.
type fileChunk struct {
	service string
	events  eventpg.Chunk
	lines   []int // of each event
	end     int64 // of the last line, in bytes from the start of the file
}

// lineError says where in a file something is wrong.
type lineError struct {
	file string
	line int
	err  error
}

func (e *lineError) Error() string { return fmt.Sprintf("%s: line %d: %s", e.file, e.line, e.err) }
func (e *lineError) Unwrap() error { return e.err }

// importEvents reads, checks and hashes on one goroutine while the chunk before is stored.
func importEvents(cmd *cobra.Command, name string, in io.Reader, size int64, cfg eventpg.Config) error {
	logs := &importLogs{config: cfg, importers: map[string]*eventpg.Importer{}}
	defer logs.close()
	var stored, known int64
	progress := startProgress(cmd, "imported", size)
	defer progress.stop()
	work, ctx := errgroup.WithContext(cmd.Context())
	chunks := make(chan fileChunk, 1)
	work.Go(func() error {
		defer close(chunks)
		return readChunks(name, in, func(c fileChunk) error {
			select {
			case chunks <- c:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	})
	work.Go(func() error {
		for c := range chunks {
			done, err := logs.store(ctx, c)
			if bad, ok := errors.AsType[*eventpg.RowError](err); ok {
				return &lineError{name, c.lines[bad.Index], bad.Err}
			}
			if err != nil {
				return err
			}
			stored, known = stored+int64(done.Stored), known+int64(done.Known)
			progress.reach(c.end, stored+known)
		}
		return ctx.Err()
	})
	err := work.Wait()
	progress.stop()
	switch {
	case cmd.Context().Err() != nil:
		say(cmd, "imported %d events, and %d were there; import the file again to go on", stored, known)
		return cmd.Context().Err()
	case err != nil:
		if stored > 0 {
			say(cmd, "imported %d events before the error; they stay, and importing again goes on behind them", stored)
		}
		return importError(err)
	}
	say(cmd, "imported %d events; %d were there already", stored, known)
	return nil
}

// importError gives a line that is not an event the exit code of wrong input, one that does not fit the log that of a
// conflict.
func importError(err error) error {
	if _, ok := errors.AsType[*lineError](err); !ok {
		return err
	}
	said := &commandError{err: err, exit: exitUsage, code: "bad_line"}
	var conflict *eventstore.ConflictError
	var other *eventpg.OtherEventError
	if errors.As(err, &conflict) || errors.As(err, &other) {
		said.exit, said.code = exitConflict, "conflict"
	}
	return said
}

// importLogs are the logs that a file has events for.
type importLogs struct {
	config    eventpg.Config
	importers map[string]*eventpg.Importer
	closers   []func()
}

func (l *importLogs) store(ctx context.Context, c fileChunk) (eventpg.Imported, error) {
	im := l.importers[c.service]
	if im == nil {
		databases, closeAll, err := openDatabases(ctx, []string{c.service}, 1)
		if err != nil {
			return eventpg.Imported{}, err
		}
		l.closers = append(l.closers, closeAll)
		if im, err = eventpg.OpenImporter(ctx, databases[0].pool, l.config); err != nil {
			return eventpg.Imported{}, aboutDatabase(c.service, err)
		}
		l.importers[c.service] = im
	}
	done, err := im.Import(ctx, c.events)
	return done, aboutDatabase(c.service, err)
}

func (l *importLogs) close() {
	for _, c := range l.closers {
		c()
	}
}

// readChunks parses a file line by line and hands over chunks that are fit for import.
func readChunks(name string, in io.Reader, hand func(fileChunk) error) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 0, 1<<18), maxLine)
	reader := chunkReader{name: name, hand: hand, last: map[string]eventstore.Position{}}
	for lines.Scan() {
		reader.line++
		reader.offset += int64(len(lines.Bytes())) + 1
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		if err := reader.add(lines.Bytes()); err != nil {
			return err
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return &lineError{name, reader.line + 1, errors.New("longer than an event can be")}
	} else if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return reader.flush()
}

// chunkReader collects lines until they make a chunk.
type chunkReader struct {
	name   string
	hand   func(fileChunk) error
	parser eventfile.Parser
	last   map[string]eventstore.Position // of each service
	line   int
	offset int64

	service string
	rows    []eventpg.Row
	lines   []int
	bytes   int
}

func (r *chunkReader) add(text []byte) error {
	e, err := r.parser.Parse(text)
	if err != nil {
		return &lineError{r.name, r.line, err}
	}
	if last := r.last[e.Service]; e.Position <= last {
		return &lineError{r.name, r.line, fmt.Errorf("\"position\" %d comes after %d of %s: the lines are not in order", e.Position, last, e.Service)}
	}
	if e.Service != r.service || len(r.rows) >= eventpg.MaxChunkEvents || r.bytes >= eventpg.MaxChunkBytes {
		if err := r.flush(); err != nil {
			return err
		}
		if _, seen := r.last[e.Service]; !seen && !isLogService(e.Service) {
			return &lineError{r.name, r.line, fmt.Errorf("\"service\" %q has no event log", e.Service)}
		}
	}
	r.service, r.last[e.Service] = e.Service, e.Position
	r.rows = append(r.rows, eventpg.Row{Recorded: eventstore.Recorded{
		Event:  eventstore.Event{ID: e.ID, Type: e.Type, SchemaVersion: e.SchemaVersion, Data: e.Data},
		Stream: e.Stream, Version: e.Version, Position: e.Position, RecordedAt: e.RecordedAt,
	}, RawMetadata: e.Metadata})
	r.lines = append(r.lines, r.line)
	r.bytes += len(e.Data) + len(e.Metadata)
	return nil
}

func (r *chunkReader) flush() error {
	if len(r.rows) == 0 {
		return nil
	}
	c, err := eventpg.NewChunk(r.rows)
	if bad, ok := errors.AsType[*eventpg.RowError](err); ok {
		return &lineError{r.name, r.lines[bad.Index], bad.Err}
	}
	if err != nil {
		return err
	}
	chunk := fileChunk{service: r.service, events: c, lines: r.lines, end: r.offset}
	r.rows, r.lines, r.bytes = make([]eventpg.Row, 0, len(r.rows)), make([]int, 0, len(r.lines)), 0
	return r.hand(chunk)
}
