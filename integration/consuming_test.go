package integration

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	engine "github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"

	"github.com/ordo-platform/ordo/integration/judge"
	"github.com/ordo-platform/ordo/internal/app"
	"github.com/ordo-platform/ordo/internal/kafka"
)

// example is a program of docs/consuming, ready to run.
type example struct {
	command []string // with BROKERS and TOPIC where they belong

	// kept returns what it keeps of each stream: how many events, and the type of the last. Nil if it keeps nothing.
	kept func(t *testing.T) map[string]string
}

// follow runs an example, kills it in the middle and runs it again. In the end it has seen all events of the log, and if it keeps its
// position with its work, has applied each once.
func (s *shop) follow(e example) {
	t := s.t
	t.Helper()
	type event struct {
		Partition          int32
		Position           int64
		Type, Stream, Kept string
		Last               bool
	}
	said, kept := map[string]bool{}, map[string]string{}
	for _, r := range judge.Query[event](s.World, app.Orders, `SELECT partition, position, type, stream,
			count(*) OVER s || ' ' || type, position = max(position) OVER s FROM events WINDOW s AS (PARTITION BY stream)`) {
		said[fmt.Sprint(r.Partition, " ", r.Position, " ", r.Type, " ", r.Stream)] = false
		if r.Last {
			kept[r.Stream] = r.Kept
		}
	}
	all, seen := len(said), 0
	names := strings.NewReplacer("BROKERS", strings.Join(s.Brokers, ","), "TOPIC", kafka.EventsTopic(app.Orders))
	var command []string
	for _, word := range e.command {
		command = append(command, names.Replace(word))
	}
	run := func(done func() bool) {
		p := startProgram(t, command)
		defer s.ForgetMembers()
		defer p.kill()
		if !judge.Within(t, 2*judge.Patience, func() bool {
			for line := range strings.Lines(p.output()) {
				before, known := said[strings.TrimSuffix(line, "\n")]
				if !known && strings.HasSuffix(line, "\n") {
					t.Fatalf("it says %q", line)
				}
				if known && !before {
					said[strings.TrimSuffix(line, "\n")] = true
					seen++
				}
			}
			if err := p.ended(); err != nil {
				t.Fatal(err)
			}
			return done()
		}) {
			t.Fatalf("it has seen %d of %d events", seen, all)
		}
	}
	run(func() bool { return seen >= all/3 })
	run(func() bool {
		if e.kept == nil {
			return seen == all
		}
		return maps.Equal(e.kept(t), kept) // it may have been killed before it could say what it did
	})
}

func goExample(t *testing.T, pg *PostgresServer) example {
	t.Helper()
	program := filepath.Join(t.TempDir(), "consume")
	if said, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "../docs/consuming/go").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, said)
	}
	shipping := &PostgresServer{Server: pg.Server, url: pg.Database(t, "shipping")}
	return example{[]string{program, "BROKERS", "TOPIC", shipping.url}, func(t *testing.T) map[string]string {
		t.Helper()
		if shipping.sql(t, "SELECT to_regclass('subjects') IS NOT NULL") != "t" {
			return nil
		}
		return parseKept(shipping.sql(t, "SELECT string_agg(subject || ' ' || events || ' ' || last_type, E'\n') FROM subjects"))
	}}
}

func pythonExample(t *testing.T) example {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil || exec.CommandContext(t.Context(), python, "-c", "import confluent_kafka").Run() != nil {
		t.Skip("skipped: there is no python3 with confluent-kafka")
	}
	database := filepath.Join(t.TempDir(), "shipping.db")
	return example{[]string{python, "../docs/consuming/python/consume.py", "BROKERS", "TOPIC", database}, func(t *testing.T) map[string]string {
		t.Helper()
		const read = `
import sqlite3, sys
for row in sqlite3.connect(sys.argv[1]).execute("SELECT subject, events, last_type FROM subjects"): print(*row)`
		said, err := exec.CommandContext(t.Context(), python, "-c", read, database).Output()
		if err != nil {
			t.Fatal(err)
		}
		return parseKept(string(said))
	}}
}

func parseKept(text string) map[string]string {
	kept := map[string]string{}
	for line := range strings.Lines(text) {
		subject, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		kept[subject] = rest
	}
	return kept
}

// javaExample takes Kafka's client from the broker's container.
func javaExample(t *testing.T, broker *Broker) example {
	t.Helper()
	java, err := exec.LookPath("java")
	if err == nil {
		_, err = exec.LookPath("javac")
	}
	if err != nil {
		t.Skip("skipped: there is no JDK")
	}
	jars := t.TempDir()
	broker.Nodes[0].copyOut(t, "/opt/kafka/libs", jars)
	return example{command: []string{java, "-cp", filepath.Join(jars, "*"), "../docs/consuming/java/Consume.java", "BROKERS", "TOPIC"}}
}

// copyOut copies the files of a folder of the container.
func (s *Server) copyOut(t *testing.T, folder, to string) {
	t.Helper()
	s.engine(t, func(ctx context.Context, docker *testcontainers.DockerClient) error {
		copied, err := docker.CopyFromContainer(ctx, s.container.GetContainerID(), engine.CopyFromContainerOptions{SourcePath: folder})
		if err != nil {
			return err
		}
		defer copied.Content.Close() //nolint:errcheck // read to its end, or failed
		for files := tar.NewReader(copied.Content); ; {
			header, err := files.Next()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			if header.Typeflag != tar.TypeReg {
				continue
			}
			content, err := io.ReadAll(files)
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(to, path.Base(header.Name)), content, 0o600); err != nil {
				return err
			}
		}
	})
}

// program is a process whose output is read while it runs.
type program struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error // of its end
	says syncBuffer
	errs syncBuffer
}

func startProgram(t *testing.T, command []string) *program {
	t.Helper()
	p := &program{cmd: exec.CommandContext(context.WithoutCancel(t.Context()), command[0], command[1:]...), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.says, &p.errs
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(p.kill)
	return p
}

func (p *program) output() string { return p.says.String() }

// ended is nil as long as it runs.
func (p *program) ended() error {
	select {
	case <-p.done:
		return fmt.Errorf("it ended: %w\n%s", p.err, p.errs.String())
	default:
		return nil
	}
}

func (p *program) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
