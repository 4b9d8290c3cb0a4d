package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ordo-platform/ordo/internal/app"
	"github.com/ordo-platform/ordo/internal/demo"
	"github.com/ordo-platform/ordo/internal/embedded"
)

// files makes a folder with files in it.
func files(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestFoldersOfOthers: neither dev nor reset touches a folder that is not a data folder.
func TestFoldersOfOthers(t *testing.T) {
	t.Parallel()
	dir := files(t, "main.go", "postgres/schema.sql", "version")
	got := ordo(t.Context(), "dev", "--data-dir", dir)
	want := result{1, "", dir + " is not empty and not a data folder of ordo dev. Choose an empty or a new one with --data-dir. [start_failed, exit 1]\n"}
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	got = ordo(t.Context(), "dev", "reset", "--data-dir", dir, "--yes")
	if want := (result{1, "", dir + " is not a data folder of ordo dev. [failed, exit 1]\n"}); got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	for _, name := range []string{"main.go", "postgres/schema.sql", "version"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, lockFile)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a lock was left: %v", err)
	}
}

func TestReset(t *testing.T) {
	t.Parallel()
	dir := files(t, lockFile, "provider.jsonl", "runtime.json", "postgres/cluster/PG_VERSION")
	got := ordo(t.Context(), "dev", "reset", "--data-dir", dir)
	if got.exit != exitUsage || !strings.Contains(got.err, "add --yes") {
		t.Errorf("without --yes: %+v", got)
	}
	unlock, err := lockDataDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	got = ordo(t.Context(), "dev", "reset", "--data-dir", dir, "--yes")
	if got.exit != exitFailed || !strings.Contains(got.err, "is in use by process") {
		t.Errorf("in use: %+v", got)
	}
	unlock()
	for _, want := range []string{"deleted " + dir, "nothing to delete: " + dir + " does not exist"} {
		if got := ordo(t.Context(), "dev", "reset", "--data-dir", dir, "--yes"); got != (result{0, "", want + "\n"}) {
			t.Errorf("got %+v, want %q", got, want)
		}
	}
}

// TestResetKeepsFilesOfOthers that came into a data folder later.
func TestResetKeepsFilesOfOthers(t *testing.T) {
	t.Parallel()
	dir := files(t, lockFile, "postgres/cluster/PG_VERSION", "notes.txt")
	got := ordo(t.Context(), "dev", "reset", "--data-dir", dir, "--yes")
	if want := (result{0, "", "deleted the data in " + dir + "; the folder stays, with what is not Ordo's\n"}); got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 || left[0].Name() != "notes.txt" {
		t.Errorf("left %v, %v", left, err)
	}
}

// TestGivenServersDown: it is found out at once, and said in one line without the password.
func TestGivenServersDown(t *testing.T) {
	t.Parallel()
	addr := strings.TrimPrefix(closedPort(t), "http://")
	cases := []struct{ flag, value, want string }{
		{"--database-url", "postgres://u:secret@" + addr + "/x", "cannot use Postgres at " + addr + ": connection refused. Check --database-url or ORDO_DATABASE_URL."},
		{"--kafka-brokers", addr, "cannot use Kafka at " + addr + ": connection refused. Check --kafka-brokers."},
	}
	for _, c := range cases {
		got := ordo(t.Context(), "dev", "--ephemeral", "--http-addr=127.0.0.1:0", c.flag, c.value)
		if want := (result{5, "", c.want + " [unreachable, exit 5]\n"}); got != want {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	}
}

// TestGivenServerThatForgets in a crash is refused.
func TestGivenServerThatForgets(t *testing.T) {
	t.Parallel()
	server, err := embedded.StartPostgres(t.Context(), embedded.PostgresConfig{Ephemeral: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Stop(context.Background()) }()
	got := ordo(t.Context(), "dev", "--ephemeral", "--http-addr=127.0.0.1:0", "--database-url", server.URL("postgres"))
	want := result{1, "", fmt.Sprintf("cannot use Postgres at 127.0.0.1:%d: the server may lose what it has acknowledged, fsync is off: turn it on. "+
		"Or give --unsafe-durability, if the data may be thrown away. [start_failed, exit 1]\n", server.Port())}
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestStartError(t *testing.T) {
	t.Parallel()
	me := whoami()
	cases := []struct {
		name, dir string
		err       error
		exit      int
		advice    string
	}{
		{"in use", "/d", &embedded.LockedError{Dir: "/d"}, 1, "Stop it, or choose another folder with --data-dir"},
		{"port taken", "/d", &net.OpError{Op: "listen", Err: syscall.EADDRINUSE}, 1, "Stop what listens there, or choose another with --http-addr"},
		{"port of root", "/d", &net.OpError{Op: "listen", Err: syscall.EACCES}, 1, "Choose another address with --http-addr"},
		{"closed folder", "/d", &fs.PathError{Err: syscall.EACCES}, 1, "Choose a folder that " + me + " may write, with --data-dir"},
		{"closed temporary folder", "", &fs.PathError{Err: syscall.EACCES}, 1, "Set TMPDIR to a folder that " + me + " may write"},
		{"no temporary folder", "", &fs.PathError{Err: syscall.ENOENT}, 1, "Set TMPDIR to a folder that " + me + " may write"},
		{"no rights", "/d", &app.ServerError{Server: app.PostgresServer, Err: &pgconn.PgError{Code: "42501"}}, 1, "Give --database-url with a role that may create databases"},
		{"wrong password", "/d", &app.ServerError{Server: app.PostgresServer, Err: &pgconn.PgError{Code: "28P01"}}, 1, "Check --database-url or ORDO_DATABASE_URL"},
		{"no such host", "/d", &app.ServerError{Server: app.KafkaServer, Err: &net.DNSError{}}, 5, "Check --kafka-brokers"},
		{"anything else", "/d", errors.New("x"), 1, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := outcomeOf(t.Context(), startError(fmt.Errorf("start: %w", c.err), c.dir))
			if got.exit != c.exit || got.advice != c.advice {
				t.Errorf("got %+v, want exit %d and %q", got, c.exit, c.advice)
			}
		})
	}
}

func TestWhereabouts(t *testing.T) {
	t.Parallel()
	env := map[string]string{"HOME": "/home/ada", "ORDO_DATA_DIR": "/it's here"}
	for dir, want := range map[string]string{
		"":                             "ORDO_URL=http://127.0.0.1:1",
		"/home/ada/.local/share/ordo":  "",
		"/home/ada/.local/share/ordo2": "ORDO_DATA_DIR='/home/ada/.local/share/ordo2'",
		"/it's here":                   `ORDO_DATA_DIR='/it'\''s here'`, // another terminal may not have the variable
	} {
		if got := whereabouts(dir, "http://127.0.0.1:1", func(name string) string { return env[name] }); got != want {
			t.Errorf("%s: got %s, want %s", dir, got, want)
		}
	}
	for addr, want := range map[string]string{
		"127.0.0.1:80": "127.0.0.1:80", "0.0.0.0:80": "127.0.0.1:80", "[::]:80": "127.0.0.1:80", "[::1]:80": "[::1]:80", "10.0.0.1:80": "10.0.0.1:80",
	} {
		if got := reachable(addr); got != want {
			t.Errorf("%s: got %s, want %s", addr, got, want)
		}
	}
}

// TestSignals ends a process that waits for an answer.
func TestSignals(t *testing.T) {
	t.Parallel()
	// Under nohup SIGHUP is ignored, and children inherit that. What we handle, they have back at its default.
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	t.Cleanup(func() { signal.Stop(hangups) })
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			asked := make(chan struct{}, 1)
			url := api(t, func(_ http.ResponseWriter, r *http.Request) {
				asked <- struct{}{}
				<-r.Context().Done()
			})
			cmd := exec.CommandContext(t.Context(), os.Args[0], "health", url)
			cmd.Env = append(os.Environ(), childVariable+"=1")
			var words strings.Builder
			cmd.Stderr = &words
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			<-asked
			_ = cmd.Process.Signal(sig)
			_ = cmd.Wait() // fails: the exit code tells why
			if exit := cmd.ProcessState.ExitCode(); exit != exitInterrupted || words.String() != "interrupted. [interrupted, exit 130]\n" {
				t.Errorf("exit %d, %q", exit, words.String())
			}
		})
	}
}

// TestDemo holds the form of the report, and that what goes wrong on purpose is not logged into the story.
func TestDemo(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds; not with -short")
	}
	t.Parallel()
	got := ordo(t.Context(), "demo", "-o", "json")
	if got.exit != exitOK || strings.Contains(got.err, "level=") {
		t.Errorf("exit %d, words:\n%s", got.exit, got.err)
	}
	var report struct {
		Orders []struct {
			ID, Scenario, Status, Expected string
			Events                         []string
		}
		Checks []struct {
			Name, Detail string
			OK           bool
		}
	}
	if err := json.Unmarshal([]byte(got.out), &report); err != nil || len(report.Orders) == 0 || len(report.Checks) == 0 {
		t.Fatalf("%v in %s", err, got.out)
	}
	for _, o := range report.Orders {
		if o.ID == "" || o.Scenario == "" || o.Status == "" || o.Status != o.Expected || len(o.Events) == 0 {
			t.Errorf("%+v", o)
		}
	}
	for _, c := range report.Checks {
		if c.Name == "" || c.Detail == "" || !c.OK {
			t.Errorf("%+v", c)
		}
	}
}

func TestDemoNotAsExpected(t *testing.T) {
	t.Parallel()
	for name, report := range map[string]demo.Report{
		"order": {Orders: []demo.Order{{Status: "rejected", Expected: "confirmed"}}, Checks: []demo.Check{{OK: true}}},
		"check": {Orders: []demo.Order{{Status: "confirmed", Expected: "confirmed"}}, Checks: []demo.Check{{OK: false}}},
	} {
		if got := outcomeOf(t.Context(), demoVerdict(report)); got.exit != exitCheck {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
