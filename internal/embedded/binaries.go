package embedded

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// EnvBinDir names the folder with the programs postgres and initdb; nothing else is looked at then.
	EnvBinDir = "ORDO_POSTGRES_BIN"
	// EnvRepository is the address of a Maven repository to download Postgres from, instead of the public one.
	EnvRepository = "ORDO_POSTGRES_REPOSITORY"

	// oldestMajor is the oldest PostgreSQL the event store is tested with.
	oldestMajor = 15
)

// distributionFolders are where packagers put Postgres; several keep the server's programs off PATH.
var distributionFolders = []string{
	"/usr/lib/postgresql/*/bin",          // Debian, Ubuntu
	"/usr/pgsql-*/bin",                   // PGDG packages for Red Hat and relatives
	"/usr/lib/postgresql*/bin",           // SUSE
	"/usr/libexec/postgresql*",           // Alpine
	"/opt/homebrew/opt/postgresql@*/bin", // Homebrew on Apple silicon
	"/usr/local/opt/postgresql@*/bin",    // Homebrew on Intel
	"/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",
	"/opt/local/lib/postgresql*/bin", // MacPorts
	"/Library/PostgreSQL/*/bin",      // EDB installer
	"/Applications/Postgres.app/Contents/Versions/*/bin",
	"/usr/local/pgsql/bin", // built from source
}

// NoPostgresError says that no usable Postgres is on this machine and none could be downloaded.
type NoPostgresError struct {
	Major int   // the one needed by an existing data folder; 0 for any supported one
	Err   error // why the download did not help
}

func (e *NoPostgresError) Error() string {
	need := fmt.Sprintf("%d or newer", oldestMajor)
	if e.Major != 0 {
		need = fmt.Sprintf("%d, which the data folder was made with,", e.Major)
	}
	return fmt.Sprintf("no PostgreSQL %s on this machine (%v): give a running server with --database-url, "+
		"or set %s to the folder of its programs, or allow the one-time download (%s may name a mirror)", need, e.Err, EnvBinDir, EnvRepository)
}

func (e *NoPostgresError) Unwrap() error { return e.Err }

// binaries is one installation of Postgres.
type binaries struct {
	dir          string
	major, minor int
}

func (b binaries) postgres() string { return filepath.Join(b.dir, "postgres") }
func (b binaries) initdb() string   { return filepath.Join(b.dir, "initdb") }
func (b binaries) version() string  { return fmt.Sprintf("%d.%d", b.major, b.minor) }

// findBinaries returns the installation to use: the named one, else the best installed one, else a downloaded one. A major
// other than 0 is the only one that will do.
func findBinaries(ctx context.Context, named string, major int, log *slog.Logger) (binaries, error) {
	if named == "" {
		named = os.Getenv(EnvBinDir)
	}
	if named != "" {
		b, err := inspect(ctx, named)
		switch {
		case err != nil:
			return binaries{}, fmt.Errorf("%s=%s: %w", EnvBinDir, named, err)
		case b.major < oldestMajor:
			return binaries{}, fmt.Errorf("%s=%s: PostgreSQL %s is too old, %d or newer is needed", EnvBinDir, named, b.version(), oldestMajor)
		case major != 0 && b.major != major:
			return binaries{}, fmt.Errorf("%s=%s: PostgreSQL %s cannot read a data folder made with %d", EnvBinDir, named, b.version(), major)
		}
		return b, nil
	}
	for _, b := range installed(ctx) {
		if b.major >= oldestMajor && (major == 0 || b.major == major) {
			return b, nil
		}
	}
	if err := ctx.Err(); err != nil { // what was not found may be there
		return binaries{}, err
	}
	if major != 0 && major != downloadMajor {
		return binaries{}, &NoPostgresError{Major: major, Err: fmt.Errorf("a download has %d only", downloadMajor)}
	}
	dir, err := downloadDir()
	if err == nil {
		dir, err = download(ctx, dir, log)
	}
	if err != nil {
		return binaries{}, &NoPostgresError{Major: major, Err: err}
	}
	return inspect(ctx, dir)
}

// installed lists what is there, best first: the one on PATH, since somebody chose it; the distribution's, newest first,
// since they get its updates; the one downloaded earlier.
func installed(ctx context.Context) []binaries {
	var chosen, packaged, downloaded []binaries
	if program, err := exec.LookPath("postgres"); err == nil {
		// Distributions link single programs into a folder of PATH; initdb is beside the real one.
		if target, err := filepath.EvalSymlinks(program); err == nil {
			program = target
		}
		chosen = inspectAll(ctx, filepath.Dir(program))
	}
	for _, pattern := range distributionFolders {
		packaged = append(packaged, inspectAll(ctx, pattern)...)
	}
	slices.SortStableFunc(packaged, func(a, b binaries) int {
		return cmp.Or(cmp.Compare(b.major, a.major), cmp.Compare(b.minor, a.minor))
	})
	if dir, err := downloadDir(); err == nil {
		downloaded = inspectAll(ctx, filepath.Join(dir, "bin"))
	}
	return slices.Concat(chosen, packaged, downloaded)
}

// inspectAll returns the usable installations among the folders that match.
func inspectAll(ctx context.Context, pattern string) []binaries {
	var found []binaries
	dirs, _ := filepath.Glob(pattern) // fails on a malformed pattern only
	for _, dir := range dirs {
		if b, err := inspect(ctx, dir); err == nil {
			found = append(found, b)
		}
	}
	return found
}

// inspect asks the programs in dir for their version.
func inspect(ctx context.Context, dir string) (binaries, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return binaries{}, err
	}
	b := binaries{dir: dir}
	for _, program := range []string{b.postgres(), b.initdb()} {
		if _, err := exec.LookPath(program); err != nil {
			return binaries{}, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	output, err := exec.CommandContext(ctx, b.postgres(), "--version").Output() //nolint:gosec // running what the user has installed or named is the purpose
	if err != nil {
		return binaries{}, fmt.Errorf("%s --version: %w", b.postgres(), err)
	}
	b.major, b.minor, err = parseVersion(string(output))
	return b, err
}

// parseVersion reads "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", and "19devel" or "19beta1" as 19.0.
func parseVersion(output string) (major, minor int, err error) {
	fields := strings.Fields(output)
	if len(fields) < 3 {
		return 0, 0, errors.New("no version in " + strconv.Quote(output))
	}
	majorText, minorText, _ := strings.Cut(fields[2], ".")
	if end := strings.IndexFunc(majorText, func(r rune) bool { return r < '0' || r > '9' }); end >= 0 {
		majorText, minorText = majorText[:end], "0"
	}
	major, err = strconv.Atoi(majorText)
	if err != nil {
		return 0, 0, errors.New("no version in " + strconv.Quote(output))
	}
	minor, _ = strconv.Atoi(minorText) // only sorts: unreadable counts as 0
	return major, minor, nil
}
