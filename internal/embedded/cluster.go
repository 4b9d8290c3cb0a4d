package embedded

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// cluster is the folder that Postgres itself owns, inside a data folder of ours.
type cluster struct {
	dir string
	as  *account
}

// major returns the major version the cluster was made with, 0 if there is no cluster yet.
func (c cluster) major() (int, error) {
	content, err := os.ReadFile(filepath.Join(c.dir, "PG_VERSION"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read data folder: %w", err)
	}
	var major int
	if _, err := fmt.Sscan(string(content), &major); err != nil {
		return 0, fmt.Errorf("data folder %s: file PG_VERSION is damaged: %q", c.dir, content)
	}
	return major, nil
}

// init makes the cluster beside its place and renames it, so that an interrupted attempt leaves nothing to trip over.
func (c cluster) init(ctx context.Context, b binaries, superuserPassword string, ephemeral bool) error {
	fresh := cluster{dir: c.dir + ".new", as: c.as}
	if err := os.RemoveAll(fresh.dir); err != nil {
		return fmt.Errorf("remove a half-made cluster: %w", err)
	}
	if err := os.Mkdir(fresh.dir, 0o700); err != nil {
		return err
	}
	if err := c.as.own(fresh.dir); err != nil {
		return err
	}
	// The password goes through standard input as a file, not a pipe: initdb opens /dev/stdin anew, and may do so only
	// if the file belongs to its account.
	password, err := os.CreateTemp(filepath.Dir(c.dir), "password-*")
	if err != nil {
		return err
	}
	defer func() { _ = password.Close() }()
	if err := errors.Join(c.as.own(password.Name()), os.Remove(password.Name())); err != nil {
		return err
	}
	if _, err := password.WriteString(superuserPassword + "\n"); err != nil {
		return err
	}
	args := []string{
		"--username=" + superuser, "--pwfile=/dev/stdin", "--auth=scram-sha-256",
		// The C locale is on every system, the same on all of them, and the quickest. UTF-8 text is stored as it is.
		"--encoding=UTF8", "--locale=C", "--data-checksums", "--no-instructions",
	}
	if ephemeral {
		args = append(args, "--no-sync", "--wal-segsize=4") // small files: such clusters are copied a lot
	}
	cmd, release, err := fresh.command(ctx, b.initdb(), args...)
	if err != nil {
		return err
	}
	defer release()
	var output bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = password, &output, &output
	if err := runChild(ctx, cmd); err != nil {
		return fmt.Errorf("make a database cluster in %s: initdb: %w: %s", c.dir, err, lastLine(output.String()))
	}
	return os.Rename(fresh.dir, c.dir)
}

// command returns a command of Postgres for this cluster, to be run as its account and killed when ctx ends. release must
// be called after it has started.
//
// As root, the folder is handed over open. The account need not be able to reach it by its path, so a data folder below
// a closed home or temp folder of root works (seen with PostgreSQL 15 and 18 on Linux).
func (c cluster) command(ctx context.Context, program string, args ...string) (cmd *exec.Cmd, release func(), err error) {
	cmd = exec.CommandContext(ctx, program)
	prepare(cmd, c.as)
	cmd.Dir = "/" // the account may not be allowed to read ours, and Postgres insists on that
	cmd.Env = environment()
	path, release := c.dir, func() {}
	if c.as != nil {
		const firstExtra = 3 // after standard input, output and error
		if handed, ok := descriptorPath(firstExtra); ok {
			folder, err := os.Open(c.dir)
			if err != nil {
				return nil, nil, err
			}
			cmd.ExtraFiles = []*os.File{folder}
			path, release = handed, func() { _ = folder.Close() }
		}
	}
	cmd.Args = append([]string{program, "-D", path}, args...)
	return cmd, release, nil
}

// environment is ours without what would change the server's settings or the language of its log.
func environment() []string {
	var kept []string
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, "PG") && !strings.HasPrefix(name, "LC_") && name != "LANG" && name != "LANGUAGE" {
			kept = append(kept, entry)
		}
	}
	return append(kept, "LC_ALL=C")
}

// runChild runs a short-lived command, made with ctx, to its end.
func runChild(ctx context.Context, cmd *exec.Cmd) error {
	c, err := startChild(cmd, signalKill)
	if err != nil {
		return err
	}
	<-c.done
	return cmp.Or(ctx.Err(), c.err) // "signal: killed" would hide who did it
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}
