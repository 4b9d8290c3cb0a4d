package integration

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
)

const (
	// startTimeout bounds the start of one container; seconds on an idle machine.
	startTimeout = 5 * time.Minute
	// pullTimeout bounds the download of one image.
	pullTimeout = 10 * time.Minute
	// stopTimeout is how long a container may take to stop before it is killed. Nothing in it is worth waiting for.
	stopTimeout = time.Second
)

// requireImage skips the test unless containers of the image can be started here, and says what is missing.
func requireImage(tb testing.TB, image string) {
	tb.Helper()
	if os.Getenv("ORDO_SKIP_CONTAINERS") == "1" {
		tb.Skip("skipped: ORDO_SKIP_CONTAINERS=1")
	}
	if err := images.find(tb.Context(), image); err != nil {
		missing(tb, err)
	}
	if testcontainers.ReadConfig().RyukDisabled {
		return
	}
	// The reaper removes the containers of a test that was killed; testcontainers starts it beside the first container.
	reaper := testcontainers.ReaperDefaultImage //nolint:staticcheck // deprecated without a replacement
	if err := images.find(tb.Context(), reaper); err != nil {
		missing(tb, fmt.Errorf("%w (TESTCONTAINERS_RYUK_DISABLED=true does without it)", err))
	}
}

func missing(tb testing.TB, err error) {
	tb.Helper()
	if os.Getenv("ORDO_REQUIRE_CONTAINERS") == "1" {
		tb.Fatalf("ORDO_REQUIRE_CONTAINERS=1, but %v", err)
	}
	tb.Skipf("skipped: %v", err)
}

// images remembers per image whether it is there, so that a machine without a registry is asked once and not per test.
var images imageSet

type imageSet struct {
	mu    sync.Mutex
	known map[string]error
}

// find returns nil if the engine has the image or could download it.
func (s *imageSet) find(ctx context.Context, image string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err, ok := s.known[image]; ok {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, pullTimeout)
	defer cancel()
	err := findOrPull(ctx, image)
	if s.known == nil {
		s.known = make(map[string]error)
	}
	s.known[image] = err
	return err
}

func findOrPull(ctx context.Context, image string) error {
	engine, err := testcontainers.NewDockerClientWithOpts(ctx)
	if err != nil {
		return fmt.Errorf("no Docker engine answers: %w", err)
	}
	defer engine.Close() //nolint:errcheck // only idle connections
	_, err = engine.ImageInspect(ctx, image)
	if err == nil {
		return nil
	}
	if !errdefs.IsNotFound(err) {
		return fmt.Errorf("the Docker engine does not say whether it has the image %s: %w", image, err)
	}
	// Not left to testcontainers, which repeats a failed pull for 15 minutes.
	pull, err := engine.ImagePull(ctx, image, client.ImagePullOptions{})
	if err != nil {
		return fmt.Errorf("the Docker engine has no image %s and cannot pull it: %w", image, err)
	}
	if err := pull.Wait(ctx); err != nil {
		return fmt.Errorf("the Docker engine has no image %s and cannot pull it: %w", image, err)
	}
	return nil
}

// own makes a container that was started, or half started, the test's: it is removed with the test, and what it said
// last is shown if the test failed.
func own(tb testing.TB, ctr testcontainers.Container) {
	tb.Helper()
	testcontainers.CleanupContainer(tb, ctr, testcontainers.StopTimeout(stopTimeout))
	tb.Cleanup(func() {
		if tb.Failed() {
			tb.Logf("the container's last words:\n%s", lastWords(ctr))
		}
	})
}

// lastWords returns the end of a container's log.
func lastWords(ctr testcontainers.Container) []byte {
	const enough = 8 << 10
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	log, err := ctr.Logs(ctx)
	if err != nil {
		return []byte(err.Error())
	}
	defer log.Close() //nolint:errcheck // read to its end
	words, err := io.ReadAll(log)
	if err != nil {
		words = append(words, err.Error()...)
	}
	return words[max(0, len(words)-enough):]
}
