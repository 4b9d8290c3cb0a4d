package chaos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

var (
	publishers = []string{"orders", "inventory", "payments", "catalog", "customers"}
	services   = append([]string{"views"}, publishers...)
)

// patience bounds every wait. It is generous: what counts is what holds in the end.
const patience = 60 * time.Second

// world is a Postgres and a broker that outlive the processes working on them.
type world struct {
	t        *testing.T
	postgres string // URL of the server
	tap      *tap   // on the broker's side of all connections
	brokers  []string
	client   *kgo.Client // ours, for admin requests
	dir      string
	spy      *spy
	children []*child
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, postgres: database(t), tap: &tap{}, dir: t.TempDir()}
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.ListenFn(w.tap.listen))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	w.brokers = cluster.ListenAddrs()
	if w.client, err = kgo.NewClient(kgo.SeedBrokers(w.brokers...)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.client.Close)
	t.Cleanup(w.killAll)
	return w
}

// setup says how a process is started.
type setup struct {
	place      int    // 0, 1 …: its address and data folder
	failpoints string // see internal/failpoint
	mutant     string
	postgres   string // empty: the server itself
	embedded   bool   // it brings its own servers
}

// child is a process.
type child struct {
	t     *testing.T
	cmd   *exec.Cmd
	url   string
	fired string        // file of the fail points that fired
	ended chan struct{} // closed when it is
	err   error         // of its end
}

var ports sync.Map

// portOf is a free port that a place keeps.
func (w *world) portOf(place int) string {
	key := fmt.Sprint(w.dir, place)
	if port, ok := ports.Load(key); ok {
		return port.(string) //nolint:forcetypeassert // nothing else is stored
	}
	l, err := (&net.ListenConfig{}).Listen(w.t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port) //nolint:forcetypeassert // of a TCP listener
	_ = l.Close()
	ports.Store(key, port)
	return port
}

func (w *world) url(place int) string { return "http://127.0.0.1:" + w.portOf(place) }

// start starts a process and does not wait until it is ready.
func (w *world) start(s setup) *child {
	w.t.Helper()
	binary, err := program()
	if err != nil {
		w.t.Fatal(err)
	}
	if s.postgres == "" {
		s.postgres = w.postgres
	}
	c := &child{t: w.t, url: w.url(s.place), fired: filepath.Join(w.dir, fmt.Sprint("fired-", len(w.children))), ended: make(chan struct{})}
	args := []string{"dev", "--data-dir", filepath.Join(w.dir, fmt.Sprint("place-", s.place)), "--http-addr", "127.0.0.1:" + w.portOf(s.place)}
	if !s.embedded {
		args = append(args, "--database-url", s.postgres, "--kafka-brokers", strings.Join(w.brokers, ","))
	}
	c.cmd = exec.CommandContext(context.WithoutCancel(w.t.Context()), binary, args...)
	c.cmd.Env = append(os.Environ(), "ORDO_FAILPOINTS="+s.failpoints, "ORDO_FAILPOINT_LOG="+c.fired, "ORDO_MUTANT="+s.mutant)
	said, err := os.OpenFile(w.output(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = said.Close() }()
	c.cmd.Stdout, c.cmd.Stderr = said, said
	if err := c.cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.children = append(w.children, c)
	go func() {
		c.err = c.cmd.Wait()
		close(c.ended)
	}()
	return c
}

func (w *world) output() string { return filepath.Join(w.dir, "output") }

// ready waits until all of a process works.
func (c *child) ready() {
	c.t.Helper()
	said := "nothing"
	if within(c.t, patience, func() bool {
		select {
		case <-c.ended:
			c.t.Fatalf("the process ended instead of getting ready: %v", c.err)
		default:
		}
		answer, err := httpClient.Get(c.url + "/readyz")
		if err != nil {
			said = err.Error()
			return false
		}
		defer func() { _ = answer.Body.Close() }()
		body, _ := io.ReadAll(answer.Body)
		said = string(body)
		return answer.StatusCode == http.StatusOK
	}) {
		return
	}
	c.t.Fatalf("not ready: %s", said)
}

// hits returns how many fail points have fired.
func (c *child) hits() int {
	text, _ := os.ReadFile(c.fired)
	return strings.Count(string(text), "\n")
}

// diesAt waits until a process has been killed by its fail point.
func (c *child) diesAt(point string) {
	c.t.Helper()
	select {
	case <-c.ended:
	case <-time.After(patience):
		c.t.Fatalf("void: %s was not reached", point)
	}
	var exit *exec.ExitError
	if c.hits() != 1 || !errors.As(c.err, &exit) || !exit.Sys().(syscall.WaitStatus).Signaled() { //nolint:forcetypeassert // on unix
		c.t.Fatalf("void: at %s the process ended with %v after %d fail points", point, c.err, c.hits())
	}
}

func (c *child) signal(s os.Signal) {
	c.t.Helper()
	if err := c.cmd.Process.Signal(s); err != nil {
		c.t.Fatal(err)
	}
}

// kill is the end of a process that the test has chosen.
func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	<-c.ended
}

// stop is Ctrl-C.
func (c *child) stop() {
	c.t.Helper()
	c.signal(os.Interrupt)
	select {
	case <-c.ended:
	case <-time.After(patience):
		c.t.Fatal("the process does not stop")
	}
}

func (w *world) killAll() {
	for _, c := range w.children {
		_ = c.cmd.Process.Kill()
	}
	for _, c := range w.children {
		<-c.ended
	}
	if w.t.Failed() {
		text, _ := os.ReadFile(w.output())
		w.t.Logf("what the processes said last:\n%s", text[max(0, len(text)-6000):])
	}
}

// forget lets time pass for what a dead process has left behind: its leases and its memberships run out after ten seconds.
// Tests of that time itself do without.
func (w *world) forget() {
	w.t.Helper()
	for _, service := range publishers {
		w.exec(service, "UPDATE leases SET expires_at = '-infinity'")
	}
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	admin := kadm.NewClient(w.client)
	groups, err := admin.DescribeGroups(ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, g := range groups.Sorted() {
		if len(g.Members) == 0 {
			continue
		}
		leave := kmsg.NewPtrLeaveGroupRequest()
		leave.Group = g.Group
		for _, m := range g.Members {
			member := kmsg.NewLeaveGroupRequestMember()
			member.MemberID, member.InstanceID = m.MemberID, m.InstanceID
			leave.Members = append(leave.Members, member)
		}
		if _, err := leave.RequestWith(ctx, w.client); err != nil {
			w.t.Fatal(err)
		}
	}
}

// databaseURL is a service's database, for the superuser.
func (w *world) databaseURL(service string) string {
	u, err := url.Parse(w.postgres)
	if err != nil {
		w.t.Fatal(err)
	}
	u.Path = "/ordo_" + service
	return u.String()
}

func (w *world) connect(service string) *pgx.Conn {
	w.t.Helper()
	conn, err := pgx.Connect(w.t.Context(), w.databaseURL(service))
	if err != nil {
		w.t.Fatal(err)
	}
	return conn
}

func (w *world) exec(service, sql string) {
	w.t.Helper()
	conn := w.connect(service)
	defer func() { _ = conn.Close(context.WithoutCancel(w.t.Context())) }()
	if _, err := conn.Exec(w.t.Context(), sql); err != nil {
		w.t.Fatalf("%s: %s: %v", service, sql, err)
	}
}

func query[T any](w *world, service, sql string) []T {
	w.t.Helper()
	conn := w.connect(service)
	defer func() { _ = conn.Close(context.WithoutCancel(w.t.Context())) }()
	rows, _ := conn.Query(w.t.Context(), sql)
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[T])
	if err != nil {
		w.t.Fatalf("%s: %s: %v", service, sql, err)
	}
	return all
}

// await polls until a condition holds.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	if !within(t, patience, holds) {
		t.Fatalf("waited %s in vain until %s", patience, what)
	}
}

func within(t *testing.T, limit time.Duration, holds func() bool) bool {
	t.Helper()
	end := time.After(limit)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-t.Context().Done():
			t.Fatal("the test ends")
		case <-end:
			return false
		case <-tick.C:
		}
	}
	return true
}
