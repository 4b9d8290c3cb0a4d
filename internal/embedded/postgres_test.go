package embedded

import (
	"bufio"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// closedDir returns a data folder to be made below one that only we may enter, like root's home. Every test uses it: for
// root it is the hard case, for others it is the usual one.
func closedDir(t *testing.T) string {
	t.Helper()
	closed := filepath.Join(t.TempDir(), "closed")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(closed, "data")
}

func start(t *testing.T, config PostgresConfig) *Postgres {
	t.Helper()
	server, err := StartPostgres(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, server) })
	return server
}

func stop(t *testing.T, server *Postgres) {
	t.Helper()
	if err := server.Stop(context.Background()); err != nil {
		t.Error(err)
	}
}

func query[T any](t *testing.T, url, statement string) T {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	rows, err := conn.Query(t.Context(), statement)
	if err != nil {
		t.Fatal(err)
	}
	value, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[T])
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	return value
}

func execute(t *testing.T, url, statement string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if _, err := conn.Exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

func ensure(t *testing.T, server *Postgres, name string) Database {
	t.Helper()
	database, err := server.EnsureDatabase(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return database
}

func TestDataAndAddressesSurviveARestart(t *testing.T) {
	t.Parallel()
	dir := closedDir(t)
	server := start(t, PostgresConfig{DataDir: dir})
	before := ensure(t, server, "orders")
	for setting, want := range map[string]string{"fsync": "on", "synchronous_commit": "on", "data_checksums": "on", "server_encoding": "UTF8", "listen_addresses": "127.0.0.1"} {
		if got := query[string](t, before.Runtime, "SHOW "+setting); got != want {
			t.Errorf("%s = %q, want %q", setting, got, want)
		}
	}
	execute(t, before.Owner, `CREATE TABLE kept AS SELECT 'Grüße' AS text; GRANT SELECT ON kept TO orders_runtime`)
	stop(t, server)

	server = start(t, PostgresConfig{DataDir: dir})
	if again := ensure(t, server, "orders"); again != before {
		t.Errorf("addresses changed: %v, then %v", before, again)
	}
	if got := query[string](t, before.Runtime, `SELECT text FROM kept`); got != "Grüße" {
		t.Errorf("got %q", got)
	}
	info, err := os.Stat(filepath.Join(dir, secretsFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("secrets: %v, %v", info.Mode(), err)
	}
}

// Roles enter their own database only, and in it only the owner may make anything, temporary tables included.
func TestRolesAreKeptApart(t *testing.T) {
	t.Parallel()
	server := start(t, PostgresConfig{Ephemeral: true})
	orders := ensure(t, server, "orders")
	ensure(t, server, "payments")
	execute(t, orders.Owner, `CREATE TABLE owned ()`)
	wantDenied := func(what string, err error) {
		t.Helper()
		if refused, ok := errors.AsType[*pgconn.PgError](err); !ok || refused.Code != "42501" {
			t.Errorf("%s: %v, want 42501", what, err)
		}
	}
	for role, address := range map[string]string{"owner": orders.Owner, "runtime": orders.Runtime} {
		for _, other := range []string{"payments", "postgres", "template1"} {
			conn, err := pgx.Connect(t.Context(), strings.Replace(address, "/orders?", "/"+other+"?", 1))
			if err == nil {
				_ = conn.Close(t.Context())
			}
			wantDenied(role+" connects to "+other, err)
		}
	}
	conn, err := pgx.Connect(t.Context(), orders.Runtime)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	for _, statement := range []string{`SELECT FROM owned`, `CREATE TABLE made ()`, `CREATE TEMP TABLE made ()`, `CREATE SCHEMA made`, `SET ROLE orders`} {
		_, err := conn.Exec(t.Context(), statement)
		wantDenied(statement, err)
	}
}

func TestKilledParentTakesTheServerAlong(t *testing.T) {
	t.Parallel()
	dir := closedDir(t)
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	helper := exec.Command(program)
	helper.Env = append(os.Environ(), envHelper+"="+dir)
	helper.Stderr = os.Stderr
	stdout, err := helper.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := helper.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	read := func() int {
		n, err := strconv.Atoi(lines.Text())
		if err != nil {
			t.Error(err)
		}
		return n
	}
	if !lines.Scan() {
		t.Fatal("the helper said nothing")
	}
	serverPID, acknowledged := read(), 0
	for lines.Scan() {
		if acknowledged = read(); acknowledged == 100 {
			// No leave is taken of anybody; more rows may be acknowledged until it arrives.
			if err := helper.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = helper.Wait() // killed
	if acknowledged < 100 {
		t.Fatalf("the helper ended after %d rows", acknowledged)
	}

	cluster := filepath.Join(dir, clusterDir)
	for deadline := time.Now().Add(30 * time.Second); runtime.GOOS == "linux" && servesFolder(serverPID, cluster); {
		if time.Now().After(deadline) {
			t.Fatalf("server %d outlives its parent", serverPID)
		}
		if err := pause(t.Context(), 5*time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	server := start(t, PostgresConfig{DataDir: dir})
	if got := query[int](t, server.URL("postgres"), `SELECT count(*)::int FROM acknowledged`); got < acknowledged {
		t.Errorf("%d rows left of %d acknowledged", got, acknowledged)
	}
}

func TestLeftoverServerIsStopped(t *testing.T) {
	t.Parallel()
	server := start(t, PostgresConfig{Ephemeral: true})
	if err := server.cluster.stopLeftover(t.Context(), slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	<-server.Done()
	if got := server.server.cmd.ProcessState.ExitCode(); got != 0 {
		t.Errorf("not an orderly shutdown: exit code %d", got)
	}
}

func TestKilledServerIsNoticedAndRecovers(t *testing.T) {
	t.Parallel()
	dir := closedDir(t)
	server := start(t, PostgresConfig{DataDir: dir})
	execute(t, server.URL("postgres"), `CREATE TABLE kept AS SELECT 1 AS n`)
	if err := server.Err(); err != nil {
		t.Errorf("while it runs: %v", err)
	}
	server.Kill()
	<-server.Done()
	if err := server.Err(); err == nil {
		t.Error("no error for a server that was killed")
	}
	stop(t, server)

	server = start(t, PostgresConfig{DataDir: dir})
	if got := query[int](t, server.URL("postgres"), `SELECT n FROM kept`); got != 1 {
		t.Error(got)
	}
}

func TestStopDoesNotWaitForClients(t *testing.T) {
	t.Parallel()
	server := start(t, PostgresConfig{Ephemeral: true})
	conn, err := pgx.Connect(t.Context(), server.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if _, err := conn.Exec(t.Context(), `BEGIN`); err != nil {
		t.Fatal(err)
	}
	stop(t, server) // an error if it takes longer than its limit
	if err := server.Err(); err != nil {
		t.Errorf("after Stop: %v", err)
	}
	if _, err := os.Stat(server.Dir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("temporary folder: %v", err)
	}
}

func TestAbandonedTemporaryFolderIsRemoved(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	unlock, err := LockDataDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(dir, old, old); err != nil {
		t.Fatal(err)
	}
	removeAbandoned(dir)
	if _, err := os.Stat(dir); err != nil {
		t.Fatalf("a folder in use: %v", err)
	}
	unlock()
	removeAbandoned(dir)
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an abandoned folder: %v", err)
	}
}

func TestStalePIDFileOfAStranger(t *testing.T) {
	t.Parallel()
	dir := closedDir(t)
	server := start(t, PostgresConfig{DataDir: dir})
	stop(t, server)

	stranger := exec.Command("sleep", "600")
	prepare(stranger, server.cluster.as) // the account for which Postgres cannot tell it from its own
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = stranger.Process.Kill()
		_ = stranger.Wait()
	}()
	pidFile := filepath.Join(server.cluster.dir, "postmaster.pid")
	if err := os.WriteFile(pidFile, []byte(strconv.Itoa(stranger.Process.Pid)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := server.cluster.as.own(pidFile); err != nil {
		t.Fatal(err)
	}
	start(t, PostgresConfig{DataDir: dir})
	if !alive(stranger.Process.Pid) {
		t.Error("the stranger was killed")
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	t.Parallel()
	dir := closedDir(t)
	server := start(t, PostgresConfig{DataDir: dir})

	t.Run("folder in use", func(t *testing.T) {
		_, err := StartPostgres(t.Context(), PostgresConfig{DataDir: dir})
		var locked *LockedError
		if !errors.As(err, &locked) || locked.Dir != dir || locked.PID != os.Getpid() {
			t.Errorf("got %v", err)
		}
	})
	t.Run("port in use", func(t *testing.T) {
		_, err := StartPostgres(t.Context(), PostgresConfig{Ephemeral: true, Port: server.Port()})
		var taken *PortTakenError
		if !errors.As(err, &taken) || taken.Port != server.Port() {
			t.Errorf("got %v", err)
		}
	})
	t.Run("no programs in the folder named", func(t *testing.T) {
		_, err := StartPostgres(t.Context(), PostgresConfig{Ephemeral: true, BinDir: dir})
		if err == nil || !strings.Contains(err.Error(), EnvBinDir) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("newer layout", func(t *testing.T) {
		newer := t.TempDir()
		if err := os.WriteFile(filepath.Join(newer, versionFile), []byte("2\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := StartPostgres(t.Context(), PostgresConfig{DataDir: newer})
		if err == nil || !strings.Contains(err.Error(), "newer version") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("cluster of another major version", func(t *testing.T) {
		other := t.TempDir()
		if err := os.Mkdir(filepath.Join(other, clusterDir), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(other, clusterDir, "PG_VERSION"), []byte("9\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := StartPostgres(t.Context(), PostgresConfig{DataDir: other})
		if err == nil || !strings.Contains(err.Error(), "data folder") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("damaged cluster", func(t *testing.T) {
		stop(t, server)
		control := filepath.Join(server.cluster.dir, "global", "pg_control")
		if err := os.Remove(control); err != nil {
			t.Fatal(err)
		}
		_, err := StartPostgres(t.Context(), PostgresConfig{DataDir: dir})
		if err == nil || !strings.Contains(err.Error(), "pg_control") || strings.Contains(err.Error(), "\n") {
			t.Errorf("got %v", err)
		}
	})
}

func TestPortOfAFolderGivesWay(t *testing.T) {
	t.Parallel()
	dir := closedDir(t)
	server := start(t, PostgresConfig{DataDir: dir})
	port := server.Port()
	stop(t, server)
	squatter, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		t.Skipf("somebody took the port in between: %v", err)
	}
	defer func() { _ = squatter.Close() }()
	if server := start(t, PostgresConfig{DataDir: dir}); server.Port() == port {
		t.Errorf("two listeners on port %d", port)
	}
}
