package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// layoutVersion is the version of the folder layout described at [StartPostgres]. It is written into each new folder.
const layoutVersion = 1

const (
	lockFile    = "lock"
	versionFile = "version"
)

// LockedError says that another process uses the data folder.
type LockedError struct {
	Dir string
	PID int // of the holder; 0 if it could not be told
}

func (e *LockedError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("data folder %s is in use by another process", e.Dir)
	}
	return fmt.Sprintf("data folder %s is in use by process %d", e.Dir, e.PID)
}

// LockDataDir makes dir this process's own until unlock is called or the process ends, however it ends. The folder is
// created if need be (mode 0700) and marked with the layout version; one of a newer layout is refused.
//
// The lock belongs to the call, not to the process: a second call for the same folder fails in the same process as well.
// [StartPostgres] locks its folder by itself.
func LockDataDir(dir string) (unlock func(), err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create data folder: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock data folder: %w", err)
	}
	if err := tryLock(file); err != nil {
		holder := readPID(file.Name())
		_ = file.Close()
		if errors.Is(err, errWouldBlock) {
			return nil, &LockedError{Dir: dir, PID: holder}
		}
		return nil, fmt.Errorf("lock data folder %s: %w", dir, err)
	}
	// The pid is for people and error texts only; what counts is the kernel's lock, which cannot outlive the process.
	if err := writePID(file); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("lock data folder %s: %w", dir, err)
	}
	if err := checkLayout(dir); err != nil {
		_ = file.Close()
		return nil, err
	}
	return func() { _ = file.Close() }, nil
}

func writePID(file *os.File) error {
	if err := file.Truncate(0); err != nil {
		return err
	}
	_, err := file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// readPID returns the number on the first line of a file, or 0.
func readPID(path string) int {
	content, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	line, _, _ := strings.Cut(string(content), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil || pid < 0 {
		return 0
	}
	return pid
}

func checkLayout(dir string) error {
	path := filepath.Join(dir, versionFile)
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) || (err == nil && len(content) == 0) { // empty: we died while writing it
		return os.WriteFile(path, []byte(strconv.Itoa(layoutVersion)+"\n"), 0o600)
	}
	if err != nil {
		return fmt.Errorf("read layout of data folder: %w", err)
	}
	version, err := strconv.Atoi(strings.TrimSpace(string(content)))
	if err != nil {
		return fmt.Errorf("data folder %s: file %s is damaged: %q", dir, versionFile, content)
	}
	if version > layoutVersion {
		return fmt.Errorf("data folder %s has layout %d, this program knows up to %d: use a newer version of it", dir, version, layoutVersion)
	}
	return nil
}
