package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ordo-platform/ordo/internal/client"
	"github.com/ordo-platform/ordo/internal/devfile"
	"github.com/ordo-platform/ordo/projections"
	"github.com/ordo-platform/ordo/projections/stocklevels"
)

// changedFoldVariable makes the program one with a changed fold of stocklevels.
const changedFoldVariable = "ORDO_TEST_CHANGED_FOLD"

// changeFold does to stocklevels what an engineer would do in its source: other rows from the same events, in a new version.
func changeFold() {
	fold := stocklevels.Model.Apply
	stocklevels.Model.Version++
	stocklevels.Model.Apply = func(l stocklevels.Level, e projections.Event) (stocklevels.Level, error) {
		l, err := fold(l, e)
		if l.Version == 1 {
			l.OnHand++
		}
		return l, err
	}
}

// story is the lines of shell in a section of the README.
func story(t *testing.T, section string) []string {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "## "+section+"\n")
	_, rest, _ = strings.Cut(rest, "```sh\n")
	lines, _, found := strings.Cut(rest, "```\n")
	if !found {
		t.Fatalf("the README has no commands under %q", section)
	}
	return strings.Split(strings.TrimSpace(lines), "\n")
}

// The README's story of a changed projection, line by line as it stands there. From the comment about the change on, `ordo`
// is the changed program.
func TestReadmeStoryOfAChangedProjection(t *testing.T) {
	t.Parallel()
	lines := story(t, "Change a projection")
	change := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, "#") })
	if len(lines) != 10 || change < 0 {
		t.Fatalf("the story has %d lines, the change is in %d", len(lines), change)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	dir := t.TempDir()
	wrapper := "#!/bin/sh\n" + childVariable + "=1 exec " + os.Args[0] + " \"$@\"\n"
	if err := os.WriteFile(filepath.Join(dir, "ordo"), []byte(wrapper), 0o700); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data")
	shell := exec.CommandContext(ctx, "bash", "-e")
	shell.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "ORDO_DATA_DIR="+data)
	in, err := shell.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	reader, writer := io.Pipe()
	shell.Stdout, shell.Stderr = writer, writer
	shell.WaitDelay = 10 * time.Second
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { // also when a line has failed: the platform must not outlive the test
		if running, err := devfile.Read(data); err == nil {
			if p, err := os.FindProcess(running.PID); err == nil {
				_ = p.Kill()
			}
		}
	}()
	ended := make(chan error, 1)
	go func() {
		err := shell.Wait()
		_ = writer.Close()
		ended <- err
	}()
	output := bufio.NewScanner(reader)
	said := map[string]bool{}
	until := func(mark string) {
		t.Helper()
		for output.Scan() {
			line := output.Text()
			t.Log(line)
			for _, word := range []string{"outdated: replay needed", "on_hand", "generation 2 is live", "equal a fresh fold", "generation 1 is live again"} {
				if strings.Contains(line, word) {
					said[word] = true
				}
			}
			if line == mark {
				return
			}
		}
		t.Fatalf("the story ended before %q", mark)
	}
	tell := func(format string, args ...any) {
		t.Helper()
		if _, err := fmt.Fprintf(in, format+"\n", args...); err != nil {
			t.Fatal(err)
		}
	}
	tell("%s\necho begun", strings.Join(lines[:change], "\n"))
	until("begun")
	receiveStock(t, data)
	tell("export %s=1\n%s\necho done\nkill $!; wait", changedFoldVariable, strings.Join(lines[change:], "\n"))
	_ = in.Close()
	until("done")
	for output.Scan() {
		t.Log(output.Text())
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	for _, word := range []string{"outdated: replay needed", "on_hand", "generation 2 is live", "equal a fresh fold", "generation 1 is live again"} {
		if !said[word] {
			t.Errorf("nothing said %q", word)
		}
	}
}

// receiveStock gives the platform an event that stocklevels makes a row of, and waits for the row.
func receiveStock(t *testing.T, dataDir string) {
	t.Helper()
	running, err := devfile.Read(dataDir)
	if err != nil {
		t.Fatal(err)
	}
	api, err := client.New(client.Config{URL: running.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer api.Close()
	openShop(t, api)
	// The platform is about to be ended: what its read model has not seen by then, the changed program cannot differ about.
	for _, sku := range []string{"A", "B", "C"} {
		for {
			if _, err := api.Stock(t.Context(), sku, ""); err == nil {
				break
			}
			select {
			case <-t.Context().Done():
				t.Fatal("the stock was never seen")
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
}
