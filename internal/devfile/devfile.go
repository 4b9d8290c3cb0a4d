package devfile

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Name is the file's name in the data folder.
const Name = "runtime.json"

// ErrNotRunning says that no `ordo dev` runs on the data folder: there is no file, or the process that wrote it is gone.
var ErrNotRunning = errors.New("ordo dev is not running")

// File is what a running `ordo dev` tells about itself.
type File struct {
	URL       string            `json:"url"`  // base address of the HTTP API
	Logs      string            `json:"logs"` // base address of the log API, for other processes on this machine
	PID       int               `json:"pid"`  // of the process that serves it; Read ignores the file when it is gone
	Kafka     []string          `json:"kafka"`
	Databases map[string]string `json:"databases"` // service -> address, password included, for the role it runs under
	Owners    map[string]string `json:"owners"`    // the same for the role that makes its tables; none if that is the same role
	StartedAt time.Time         `json:"started_at"`
}

// Write puts f into the folder dir, which it makes if needed. Readers see the old file or the new one, never half of it.
func Write(dir string, f File) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("write %s: %w", filepath.Join(dir, Name), err)
		}
	}()
	data, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(dir, Name+".*") // made with 0600
	if err != nil {
		return err
	}
	_, err = tmp.Write(append(data, '\n'))
	if err = errors.Join(err, tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), filepath.Join(dir, Name))
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	return nil
}

// Read returns the file in the folder dir if the process that wrote it still runs, else [ErrNotRunning].
func Read(dir string) (File, error) {
	path := filepath.Join(dir, Name)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return File{}, ErrNotRunning
	}
	if err != nil {
		return File{}, err // says what was tried with the path already
	}
	var f File
	if err := json.Unmarshal(data, &f); err != nil {
		return File{}, fmt.Errorf("read %s: %w", path, err)
	}
	if !running(f.PID) {
		return File{}, ErrNotRunning
	}
	return f, nil
}

// Remove takes the file out of the folder dir; that there is none is fine.
func Remove(dir string) error {
	if err := os.Remove(filepath.Join(dir, Name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// DefaultDir is the data folder of `ordo dev` when none is given: $ORDO_DATA_DIR, else ordo in $XDG_DATA_HOME or in
// ~/.local/share. getenv is os.Getenv outside tests.
func DefaultDir(getenv func(string) string) (string, error) {
	if dir := getenv("ORDO_DATA_DIR"); dir != "" {
		return dir, nil
	}
	// The XDG specification wants relative paths ignored.
	if dir := getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "ordo"), nil
	}
	if home := getenv("HOME"); home != "" {
		return filepath.Join(home, ".local", "share", "ordo"), nil
	}
	return "", errors.New("no data folder: neither ORDO_DATA_DIR, XDG_DATA_HOME nor HOME is set")
}

// running asks the system about a process id without touching the process. A process of another user (EPERM) runs too.
func running(pid int) bool {
	if pid <= 0 { // kill(2) takes these for process groups
		return false
	}
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}
