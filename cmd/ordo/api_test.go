package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ordo-platform/ordo/internal/devfile"
)

func TestAPIAddress(t *testing.T) {
	t.Parallel()
	running := t.TempDir()
	if err := devfile.Write(running, devfile.File{URL: "http://127.0.0.1:4711", PID: os.Getpid()}); err != nil {
		t.Fatal(err)
	}
	damaged := t.TempDir()
	if err := os.WriteFile(filepath.Join(damaged, devfile.Name), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name, flag, env, dir, home string
		want                       string
	}{
		{"flag first", "http://flag", "http://env", running, "", "http://flag"},
		{"then environment", "", "http://env", running, "", "http://env"},
		{"then a running ordo dev", "", "", running, "", "http://127.0.0.1:4711"},
		{"else the default", "", "", "", t.TempDir(), defaultURL},
		{"but not where a folder was named", "", "", t.TempDir(), t.TempDir(), ""},
		{"no home at all", "", "", "", "", defaultURL},
		{"flag helps past a damaged file", "http://flag", "", damaged, "", "http://flag"},
		{"damaged file", "", "", damaged, "", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			env := map[string]string{"ORDO_URL": c.env, "ORDO_DATA_DIR": c.dir, "HOME": c.home}
			got, _, err := apiAddress(c.flag, func(name string) string { return env[name] })
			if got != c.want || (err != nil) != (c.want == "") {
				t.Errorf("got %q, %v; want %q", got, err, c.want)
			}
		})
	}
}

// TestEnvironment is the one test of the real environment, so it cannot be parallel.
func TestEnvironment(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("ORDO_URL", "")
	t.Setenv("ORDO_DATA_DIR", dir)
	url := closedPort(t)
	if err := devfile.Write(dir, devfile.File{URL: url, PID: os.Getpid()}); err != nil {
		t.Fatal(err)
	}
	if got := ordo(t.Context(), "health"); !strings.Contains(got.err, "cannot reach Ordo at "+url+":") {
		t.Errorf("got %+v", got)
	}
	t.Setenv("ORDO_URL", "nonsense")
	if got := ordo(t.Context(), "health"); got.exit != 2 || !strings.Contains(got.err, `ORDO_URL: address "nonsense"`) {
		t.Errorf("got %+v", got)
	}
}
