package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ordo-platform/ordo/eventstore"
	eventpg "github.com/ordo-platform/ordo/eventstore/postgres"
	"github.com/ordo-platform/ordo/internal/app"
	"github.com/ordo-platform/ordo/internal/history"
	"github.com/ordo-platform/ordo/internal/postgres"
	"github.com/ordo-platform/ordo/internal/testenv"
)

// logs are databases with logs, and the environment in which the program finds them.
type eventLogs struct {
	t     testing.TB
	env   []string
	pools map[string]*pgxpool.Pool
}

// newEventLogs makes the databases of services, with empty logs.
func newEventLogs(t *testing.T, services ...string) *eventLogs {
	t.Helper()
	return eventLogsIn(t, func(string) string { return testenv.Postgres(t) }, services...)
}

// eventLogsIn makes empty logs in the databases whose addresses it is told.
func eventLogsIn(t testing.TB, address func(service string) string, services ...string) *eventLogs {
	t.Helper()
	l := &eventLogs{t: t, env: []string{childVariable + "=1", "ORDO_DATA_DIR=" + t.TempDir()}, pools: map[string]*pgxpool.Pool{}}
	for _, service := range services {
		url := address(service)
		pool, err := postgres.Open(t.Context(), url, 4)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(pool.Close)
		if err := postgres.Migrate(t.Context(), pool, "eventstore", eventpg.Migrations()); err != nil {
			t.Fatal(err)
		}
		l.env = append(l.env, databaseOf(service)+"="+url)
		l.pools[service] = pool
	}
	return l
}

// filledLogs have the same history in every test.
func filledLogs(t *testing.T) *eventLogs {
	t.Helper()
	l := newEventLogs(t, logServices()...)
	importers := map[string]*eventpg.Importer{}
	for service, pool := range l.pools {
		var err error
		if importers[service], err = eventpg.OpenImporter(t.Context(), pool, eventpg.Config{UnsafeDurability: true}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := history.Fill(t.Context(), importers, history.Config{Events: 4000, Seed: 1}, nil); err != nil {
		t.Fatal(err)
	}
	return l
}

func (l *eventLogs) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(l.t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), l.env...)
	return cmd
}

// run runs the program in a process of its own: its environment is part of what is tested.
func (l *eventLogs) run(stdin io.Reader, args ...string) result {
	l.t.Helper()
	cmd := l.command(args...)
	var out, words bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &out, &words
	err := cmd.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		l.t.Fatal(err)
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), words.String()}
}

// append adds an event to a log.
func (l *eventLogs) append(service, stream string) {
	l.t.Helper()
	store, err := eventpg.Open(l.t.Context(), l.pools[service], eventpg.Config{UnsafeDurability: true})
	if err != nil {
		l.t.Fatal(err)
	}
	tx, err := l.pools[service].Begin(l.t.Context())
	if err != nil {
		l.t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.Background()) }()
	_, err = store.AppendTx(l.t.Context(), tx, eventstore.Append{Streams: []eventstore.StreamAppend{{
		Stream: eventstore.StreamID(stream), Expected: eventstore.AnyVersion,
		Events: []eventstore.Event{{ID: eventstore.NewID(), Type: "Noted", SchemaVersion: 1, Data: []byte(" {\n}")}},
	}}})
	if err == nil {
		err = tx.Commit(l.t.Context())
	}
	if err != nil {
		l.t.Fatal(err)
	}
}

func lineCount(text string) int { return strings.Count(text, "\n") }

func TestEventsRead(t *testing.T) {
	t.Parallel()
	l := filledLogs(t)
	first := l.run(nil, "events", "list", "--service", "orders", "--limit", "3")
	lines := strings.Split(first.out, "\n")
	if first.exit != 0 || len(lines) != 5 || !strings.HasPrefix(lines[0], "RECORDED") || !strings.Contains(lines[1], "OrderPlaced") ||
		first.err != "There are more: add --from 4, or --limit 0\n" {
		t.Fatalf("got %+v", first)
	}
	all := l.run(nil, "events", "list", "--limit", "0", "-o", "json")
	if n := lineCount(all.out); all.exit != 0 || all.err != "" || n < 4000 {
		t.Fatalf("%d events, %s", n, all.err)
	}
	for args, want := range map[string]int{
		"--service orders --from 11 --to 20":                                10,
		"--service orders,payments --limit 7":                               7,
		"--service catalog --limit 0":                                       500,
		"--service catalog --type ProductListed --limit 0":                  500,
		"--service catalog --type OrderPlaced --limit 0":                    0,
		"--stream stock-SKU-0000 --type StockReceived":                      1,
		"--service customers --until 2025-01-01T00:00:00Z --limit 0":        0,
		"--service customers --since 2025-01-01T00:00:00Z --limit 0":        2000,
		"--service customers --since 1h --limit 0":                          0,
		"--service customers --since 2025-01-01T00:00:00.1Z --limit 0":      0,
		"--service customers --until 2025-01-01T01:00:00+01:00 --limit 100": 0,
	} {
		got := l.run(nil, strings.Fields("events list -o json "+args)...)
		if got.exit != 0 || lineCount(got.out) != want {
			t.Errorf("%s: %d events, want %d; %s", args, lineCount(got.out), want, got.err)
		}
		for line := range strings.Lines(got.out) {
			if !strings.Contains(all.out, line) {
				t.Errorf("%s: %s", args, line)
			}
		}
	}

	last := l.run(nil, "events", "tail", "-o", "json")
	if !strings.HasSuffix(all.out, last.out) && lineCount(last.out) != 10 {
		t.Errorf("tail: %+v", last)
	}
	one := l.run(nil, "events", "get", "orders:2", "-o", "json")
	if lineCount(one.out) != 1 || !strings.Contains(all.out, one.out) {
		t.Errorf("get: %+v", one)
	}
	id := one.out[strings.Index(one.out, `"id":"`)+6:][:36]
	if again := l.run(nil, "events", "get", id, "-o", "json"); again != one {
		t.Errorf("by id: %+v", again)
	}
	if text := l.run(nil, "events", "get", id); !strings.Contains(text.out, "position  2\n") || !strings.Contains(text.out, "\"order_id\": ") {
		t.Errorf("text: %+v", text)
	}
	for args, want := range map[string]result{
		"get orders:1000000":                    {3, "", "event orders:1000000 is not there. [not_found, exit 3]\n"},
		"get nonsense":                          {2, "", "\"nonsense\" is neither"},
		"get views:1":                           {2, "", "\"views\" is not a service with an event log"},
		"list --from 3":                         {2, "", "--from needs one --service"},
		"list --service x":                      {2, "", "\"x\" is not a service"},
		"list --since yesterday":                {2, "", "want a duration like 2h"},
		"list --limit -1":                       {2, "", "--limit -1 is negative"},
		"tail -f --until 1h":                    {2, "", "--follow has no end"},
		"list --service=":                       {2, "", "--service is empty"},
		"export /nowhere/file":                  {1, "", "no such file"},
		"import /nowhere/file":                  {2, "", "no such file"},
		"list --service=orders --from=5 --to=4": {2, "", "--from 5 is behind --to 4"},
	} {
		got := l.run(nil, append([]string{"events"}, strings.Fields(args)...)...)
		if got.exit != want.exit || got.out != want.out || !strings.Contains(got.err, want.err) || lineCount(got.err) != 1 {
			t.Errorf("%s: got %+v, want %+v", args, got, want)
		}
	}
}

func TestEventsWithoutDatabase(t *testing.T) {
	t.Parallel()
	l := newEventLogs(t)
	got := l.run(nil, "events", "list")
	want := result{5, "", "the database of orders is not known. Start it with \"ordo dev\", or set ORDO_ORDERS_DATABASE_URL. [unreachable, exit 5]\n"}
	if got != want {
		t.Errorf("got %+v", got)
	}
	l.env = append(l.env, "ORDO_ORDERS_DATABASE_URL=postgres://u:s3cret@127.0.0.1:1/db")
	if got = l.run(nil, "events", "list"); got.exit != 5 || strings.Contains(got.err, "s3cret") || lineCount(got.err) != 1 {
		t.Errorf("got %+v", got)
	}
}

// TestEventsExportImport: a platform's logs come out and go into others, byte for byte, again and again.
func TestEventsExportImport(t *testing.T) {
	t.Parallel()
	from, to := filledLogs(t), newEventLogs(t, logServices()...)
	from.append("orders", "order-late")
	file := filepath.Join(t.TempDir(), "events.jsonl")
	if got := from.run(nil, "events", "export", file); got.exit != 0 || got.out != "" {
		t.Fatalf("export: %+v", got)
	}
	exported, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(exported, []byte("\n"))
	lines = lines[:len(lines)-1]

	part := bytes.Join(lines[:len(lines)/2], nil)
	if got := to.run(bytes.NewReader(part), "events", "import", "-", "--unsafe-durability"); got.exit != 0 {
		t.Fatalf("half: %+v", got)
	}
	got := to.run(nil, "events", "import", file, "--unsafe-durability")
	want := fmt.Sprintf("imported %d events; %d were there already\n", len(lines)-len(lines)/2, len(lines)/2)
	if got != (result{0, "", want}) {
		t.Errorf("whole: %+v, want %s", got, want)
	}
	again := to.run(nil, "events", "export", "-")
	if again.out != string(exported) {
		t.Errorf("what was exported again is not the same: %d bytes, %d before", len(again.out), len(exported))
	}

	for name, c := range map[string]struct {
		text string
		exit int
		want string
	}{
		"no JSON":      {string(lines[0]) + "{\n", 2, "-: line 2: not JSON"},
		"not in order": {string(lines[1]) + string(lines[0]), 2, "-: line 2: \"position\" 1 comes after 2 of"},
		"no service":   {strings.Replace(string(lines[0]), `"service":"`, `"service":"x`, 1), 2, "has no event log"},
		"changed":      {string(lines[0]) + "\n" + strings.Replace(string(lines[1]), `"data":{`, `"data":{"x":1,`, 1), 4, "-: line 3: event "},
		"too long":     {`{"service":"` + strings.Repeat("x", maxLine) + "\n", 2, "longer than an event can be"},
	} {
		got := to.run(strings.NewReader(c.text), "events", "import", "-", "--unsafe-durability")
		if got.exit != c.exit || !strings.Contains(got.err, c.want) {
			t.Errorf("%s: got %+v, want %s", name, got, c.want)
		}
	}
}

// TestEventsImportKilled: an import that is killed, again and again, ends with everything there once.
func TestEventsImportKilled(t *testing.T) {
	t.Parallel()
	from, to := filledLogs(t), newEventLogs(t, logServices()...)
	exported := from.run(nil, "events", "export", "-").out
	file := filepath.Join(t.TempDir(), "events.jsonl")
	if err := os.WriteFile(file, []byte(exported), 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		cmd := to.command("events", "import", file, "--unsafe-durability")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		sleep(t.Context(), time.Duration(20+30*i)*time.Millisecond)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	if got := to.run(nil, "events", "import", file, "--unsafe-durability"); got.exit != 0 {
		t.Fatalf("got %+v", got)
	}
	if again := to.run(nil, "events", "export", "-").out; again != exported {
		t.Errorf("%d events, want %d", lineCount(again), lineCount(exported))
	}
}

// TestEventsFollow shows each new event once, also when the server was away, and ends with Ctrl-C.
func TestEventsFollow(t *testing.T) {
	t.Parallel()
	l := newEventLogs(t, app.Orders)
	l.append(app.Orders, "order-0")
	cmd := l.command("events", "tail", "--service", "orders", "--stream", "order-1", "-f", "-o", "json")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var words bytes.Buffer
	cmd.Stderr = &words
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	for position := 2; position < 8; position++ {
		l.append(app.Orders, "order-2") // is not asked for
		l.append(app.Orders, "order-1")
		position++
		line, err := lines.ReadString('\n')
		if err != nil || !strings.Contains(line, fmt.Sprintf(`"position":%d,`, position)) || !strings.Contains(line, `"data_text":" {\n}"`) {
			t.Fatalf("got %q, %v; want event %d; %s", line, err, position, words.String())
		}
		if _, err := l.pools[app.Orders].Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid()`); err != nil {
			t.Fatal(err)
		}
	}
	_ = cmd.Process.Signal(syscall.SIGINT)
	rest, _ := io.ReadAll(lines)
	err = cmd.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitInterrupted || len(rest) > 0 {
		t.Errorf("got %v, %q, %s", err, rest, words.String())
	}
}

// TestEventsIntoClosedPipe: a reader that has seen enough ends the program without a word.
func TestEventsIntoClosedPipe(t *testing.T) {
	t.Parallel()
	l := filledLogs(t)
	for _, args := range []string{"events list --limit 0 -o json", "events export -", "events tail --since 100000h"} {
		cmd := l.command(strings.Fields(args)...)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		var words bytes.Buffer
		cmd.Stderr = &words
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		_ = out.Close()
		err = cmd.Wait()
		if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() || status.Signal() != syscall.SIGPIPE || words.Len() > 0 {
			t.Errorf("%s: %v, %q", args, err, words.String())
		}
	}
}

func TestLoadHistory(t *testing.T) {
	t.Parallel()
	l := newEventLogs(t, logServices()...)
	if got := l.run(nil, "load", "history"); got.exit != 2 || !strings.Contains(got.err, "add --yes") {
		t.Errorf("got %+v", got)
	}
	got := l.run(nil, "load", "history", "--events", "4000", "--yes", "--unsafe-durability", "-o", "json")
	if got.exit != 0 || !strings.HasPrefix(got.out, `{"stored":40`) {
		t.Errorf("got %+v", got)
	}
	if got := l.run(nil, "events", "list", "--limit", "0", "-o", "json"); lineCount(got.out) < 4000 {
		t.Errorf("%d events", lineCount(got.out))
	}
}

func TestLoadAppend(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"--writers 0":         "want 1 to",
		"--size 1":            "want 16 to",
		"--duration 0s":       "want more than that",
		"--rate -1":           "is negative",
		"--database-url=":     "--database-url is empty",
		"--events-per-append": "needs an argument",
	} {
		got := ordo(t.Context(), append([]string{"load", "append"}, strings.Fields(args)...)...)
		if got.exit != 2 || !strings.Contains(got.err, want) {
			t.Errorf("%s: got %+v", args, got)
		}
	}
	got := ordo(t.Context(), "load", "append", "--writers", "4", "--duration", "200ms", "-o", "json")
	var report appendReport
	if err := json.Unmarshal([]byte(got.out), &report); err != nil || got.exit != 0 || report.Store.Events == 0 || report.Plain.Events == 0 || report.Ratio == 0 {
		t.Errorf("got %+v, %v", got, err)
	}
}
