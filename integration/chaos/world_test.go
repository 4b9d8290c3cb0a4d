package chaos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/ordo-platform/ordo/integration/judge"
	"github.com/ordo-platform/ordo/internal/testenv"
)

// world is a Postgres and a broker that outlive the processes working on them.
type world struct {
	*judge.World
	tap      *tap // on the broker's side of all connections
	dir      string
	children []*child
	places   []string // addresses
}

func newWorld(t *testing.T) *world {
	t.Helper()
	tap := &tap{}
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.ListenFn(tap.listen))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	w := &world{World: judge.New(t, database(t), cluster.ListenAddrs()...), tap: tap, dir: t.TempDir()}
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
	t     testing.TB
	cmd   *exec.Cmd
	url   string
	fired string        // file of the fail points that fired
	ended chan struct{} // closed when it is
	err   error         // of its end
}

// address is where a process in a place listens, the same for each that is started there.
func (w *world) address(place int) string {
	for len(w.places) <= place {
		w.places = append(w.places, testenv.Address(w.T))
	}
	return w.places[place]
}

func (w *world) url(place int) string { return "http://" + w.address(place) }

// start starts a process and does not wait until it is ready.
func (w *world) start(s setup) *child {
	w.T.Helper()
	binary, err := program()
	if err != nil {
		w.T.Fatal(err)
	}
	if s.postgres == "" {
		s.postgres = w.Postgres
	}
	c := &child{t: w.T, url: w.url(s.place), fired: filepath.Join(w.dir, fmt.Sprint("fired-", len(w.children))), ended: make(chan struct{})}
	args := []string{"dev", "--data-dir", filepath.Join(w.dir, fmt.Sprint("place-", s.place)), "--http-addr", w.address(s.place)}
	if !s.embedded {
		args = append(args, "--database-url", s.postgres, "--kafka-brokers", strings.Join(w.Brokers, ","))
	}
	c.cmd = exec.CommandContext(context.WithoutCancel(w.T.Context()), binary, args...)
	c.cmd.Env = append(os.Environ(), "ORDO_FAILPOINTS="+s.failpoints, "ORDO_FAILPOINT_LOG="+c.fired, "ORDO_MUTANT="+s.mutant)
	said, err := os.OpenFile(w.output(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		w.T.Fatal(err)
	}
	defer func() { _ = said.Close() }()
	c.cmd.Stdout, c.cmd.Stderr = said, said
	if err := c.cmd.Start(); err != nil {
		w.T.Fatal(err)
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
	if judge.Within(c.t, judge.Patience, func() bool {
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
	case <-time.After(judge.Patience):
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
	case <-time.After(judge.Patience):
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
	if w.T.Failed() {
		text, _ := os.ReadFile(w.output())
		w.T.Logf("what the processes said last:\n%s", text[max(0, len(text)-6000):])
	}
}

// forget lets time pass for what a dead process has left behind: its leases and its memberships run out after ten seconds.
// Tests of that time itself do without.
func (w *world) forget() {
	w.T.Helper()
	for _, service := range judge.Publishers {
		w.Exec(service, "UPDATE leases SET expires_at = '-infinity'")
	}
	w.ForgetMembers()
}

// await polls until a condition holds.
func await(t testing.TB, what string, holds func() bool) {
	t.Helper()
	if !judge.Within(t, judge.Patience, holds) {
		t.Fatalf("waited %s in vain until %s", judge.Patience, what)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// pace is how long a customer waits after an order.
const pace = 20 * time.Millisecond

var httpClient = &http.Client{Timeout: 5 * time.Second}
