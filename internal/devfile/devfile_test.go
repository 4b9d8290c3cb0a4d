package devfile_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/ordo-platform/ordo/internal/devfile"
)

func file(pid int) devfile.File {
	return devfile.File{
		URL:       "http://127.0.0.1:8080",
		PID:       pid,
		Kafka:     []string{"127.0.0.1:9092"},
		Databases: map[string]string{"orders": "postgres://ordo:secret@127.0.0.1:5432/orders"},
		StartedAt: time.Date(2026, 11, 23, 16, 0, 0, 0, time.UTC),
	}
}

func TestWriteReadRemove(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "made", "when needed")
	if _, err := devfile.Read(dir); !errors.Is(err, devfile.ErrNotRunning) {
		t.Fatalf("read before write: %v, want ErrNotRunning", err)
	}

	old := file(os.Getpid())
	old.URL = "http://127.0.0.1:1"
	want := file(os.Getpid())
	for _, f := range []devfile.File{old, want} {
		if err := devfile.Write(dir, f); err != nil {
			t.Fatal(err)
		}
	}
	got, err := devfile.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read %+v, want %+v", got, want)
	}

	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 {
		t.Errorf("%d files in the folder, want only %s", len(entries), devfile.Name)
	}
	info, err := os.Stat(filepath.Join(dir, devfile.Name))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v: others can read the database passwords", info.Mode().Perm())
	}

	for range 2 { // the second finds nothing
		if err := devfile.Remove(dir); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := devfile.Read(dir); !errors.Is(err, devfile.ErrNotRunning) {
		t.Errorf("read after remove: %v, want ErrNotRunning", err)
	}
}

func TestReadIgnoresFileOfDeadProcess(t *testing.T) {
	t.Parallel()
	gone := exec.Command("true")
	if err := gone.Run(); err != nil {
		t.Skipf("run a process that ends: %v", err)
	}
	for _, pid := range []int{gone.Process.Pid, 0, -1} {
		dir := t.TempDir()
		if err := devfile.Write(dir, file(pid)); err != nil {
			t.Fatal(err)
		}
		if _, err := devfile.Read(dir); !errors.Is(err, devfile.ErrNotRunning) {
			t.Errorf("pid %d: %v, want ErrNotRunning", pid, err)
		}
	}
}

func TestReadReportsDamagedFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, devfile.Name), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := devfile.Read(dir); err == nil || errors.Is(err, devfile.ErrNotRunning) {
		t.Errorf("damaged file: %v, want an error of its own", err)
	}
}

func TestDefaultDir(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name string
		env  map[string]string
		want string
	}{
		{"told", map[string]string{"ORDO_DATA_DIR": "/told", "XDG_DATA_HOME": "/xdg", "HOME": "/home/a"}, "/told"},
		{"xdg", map[string]string{"XDG_DATA_HOME": "/xdg", "HOME": "/home/a"}, "/xdg/ordo"},
		{"relative xdg is ignored", map[string]string{"XDG_DATA_HOME": "xdg", "HOME": "/home/a"}, "/home/a/.local/share/ordo"},
		{"home", map[string]string{"HOME": "/home/a"}, "/home/a/.local/share/ordo"},
		{"nothing", nil, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := devfile.DefaultDir(func(name string) string { return c.env[name] })
			if got != c.want || (err != nil) != (c.want == "") {
				t.Errorf("got %q, %v; want %q", got, err, c.want)
			}
		})
	}
}
