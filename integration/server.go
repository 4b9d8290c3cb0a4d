package integration

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/exec"

	"github.com/ordo-platform/ordo/internal/testenv"
)

// Server is a container that a test may break. Its address stays the same when it comes back.
//
// Its methods end the test that they are given if they cannot do what they say.
type Server struct {
	Addr string // as seen from the test

	inner     string // its port, from inside
	container testcontainers.Container
}

// reserve finds an address for a server that is still to be started, so that the server can be told what to announce.
func reserve(tb testing.TB, inner string) *Server {
	tb.Helper()
	return &Server{Addr: testenv.Address(tb), inner: inner}
}

// pinned publishes the server's port at its address.
func (s *Server) pinned() testcontainers.CustomizeRequestOption {
	_, port, _ := net.SplitHostPort(s.Addr)
	return testcontainers.WithHostConfigModifier(func(host *container.HostConfig) {
		host.PortBindings = network.PortMap{
			network.MustParsePort(s.inner): {{HostIP: netip.MustParseAddr("127.0.0.1"), HostPort: port}},
		}
	})
}

// Kill ends the server as a crash would.
func (s *Server) Kill(tb testing.TB) {
	tb.Helper()
	s.engine(tb, func(ctx context.Context, engine *testcontainers.DockerClient) error {
		_, err := engine.ContainerKill(ctx, s.container.GetContainerID(), client.ContainerKillOptions{Signal: "KILL"})
		return err
	})
}

// Start starts a server that was killed, on the data it had. It does not wait until the server answers.
func (s *Server) Start(tb testing.TB) {
	tb.Helper()
	s.engine(tb, func(ctx context.Context, engine *testcontainers.DockerClient) error {
		_, err := engine.ContainerStart(ctx, s.container.GetContainerID(), client.ContainerStartOptions{})
		return err
	})
}

// Stop ends the server in good order.
func (s *Server) Stop(tb testing.TB) {
	tb.Helper()
	s.engine(tb, func(ctx context.Context, engine *testcontainers.DockerClient) error {
		_, err := engine.ContainerStop(ctx, s.container.GetContainerID(), client.ContainerStopOptions{})
		return err
	})
}

// Pause makes the server stand still: connections stay, nobody answers.
func (s *Server) Pause(tb testing.TB) {
	tb.Helper()
	s.engine(tb, func(ctx context.Context, engine *testcontainers.DockerClient) error {
		for {
			_, err := engine.ContainerPause(ctx, s.container.GetContainerID(), client.ContainerPauseOptions{})
			if err == nil || !errdefs.IsInternal(err) {
				return err
			}
			select { // a kernel under load may not get all processes to stand still at once
			case <-ctx.Done():
				return err
			case <-time.After(100 * time.Millisecond):
			}
		}
	})
}

// Unpause lets a server go on that was paused.
func (s *Server) Unpause(tb testing.TB) {
	tb.Helper()
	s.engine(tb, func(ctx context.Context, engine *testcontainers.DockerClient) error {
		_, err := engine.ContainerUnpause(ctx, s.container.GetContainerID(), client.ContainerUnpauseOptions{})
		return err
	})
}

// Exec runs a program beside the server and returns what it wrote.
func (s *Server) Exec(tb testing.TB, command ...string) string {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), startTimeout)
	defer cancel()
	code, output, err := s.container.Exec(ctx, command, exec.Multiplexed())
	if err != nil {
		tb.Fatal(err)
	}
	text, err := io.ReadAll(output)
	if err != nil {
		tb.Fatal(err)
	}
	if code != 0 {
		tb.Fatalf("%s ended with %d: %s", strings.Join(command, " "), code, text)
	}
	return string(text)
}

func (s *Server) engine(tb testing.TB, do func(context.Context, *testcontainers.DockerClient) error) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), startTimeout)
	defer cancel()
	engine, err := testcontainers.NewDockerClientWithOpts(ctx)
	if err != nil {
		tb.Fatal(err)
	}
	defer engine.Close() //nolint:errcheck // only idle connections
	if err := do(ctx, engine); err != nil {
		tb.Fatal(fmt.Errorf("container %.12s: %w", s.container.GetContainerID(), err))
	}
}
