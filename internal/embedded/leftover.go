package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	statusReady   = "ready"
	statusStandby = "standby" // ready for reading
)

// status reads the server's own pid file: line 1 is its pid, line 8 its status.
func (c cluster) status() (status string, pid int) {
	content, err := os.ReadFile(filepath.Join(c.dir, "postmaster.pid"))
	if err != nil {
		return "", 0
	}
	lines := strings.Split(string(content), "\n")
	pid, _ = strconv.Atoi(strings.TrimSpace(lines[0]))
	if len(lines) > 7 {
		status = strings.TrimSpace(lines[7])
	}
	return status, pid
}

// stopLeftover deals with a server that outlived the process that started it: it waits for the end that the kernel's
// signal has begun, then helps. It touches a process only if that is a server on this very folder.
//
// A pid file that names a stranger (pids are used again, quickly so in containers) is removed, since Postgres would
// refuse to start beside it.
func (c cluster) stopLeftover(ctx context.Context, log *slog.Logger) error {
	_, pid := c.status()
	if pid <= 0 || !alive(pid) {
		return nil
	}
	if !servesFolder(pid, c.dir) {
		if pid == os.Getpid() || !alive(pid) {
			return nil // Postgres knows both cases itself
		}
		if err := os.Remove(filepath.Join(c.dir, "postmaster.pid")); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove stale pid file: %w", err)
		}
		return nil
	}
	log.Info("waiting for a server left behind on this data folder", "pid", pid)
	steps := []struct {
		signal syscall.Signal // 0: none
		wait   time.Duration
	}{{0, 3 * time.Second}, {signalFast, stopLimit}, {signalImmediate, 6 * time.Second}}
	for _, step := range steps {
		if step.signal != 0 {
			kill(pid, step.signal)
		}
		for deadline := time.Now().Add(step.wait); time.Now().Before(deadline); {
			if !servesFolder(pid, c.dir) {
				return nil
			}
			if err := pause(ctx, 10*time.Millisecond); err != nil {
				return err
			}
		}
	}
	return fmt.Errorf("server process %d, left behind on data folder %s, does not end: stop it by hand", pid, filepath.Dir(c.dir))
}
