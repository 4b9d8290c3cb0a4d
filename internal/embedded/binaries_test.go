package embedded

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseVersion(t *testing.T) {
	t.Parallel()
	for output, want := range map[string][2]int{
		"postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n": {15, 18},
		"postgres (PostgreSQL) 18.4\n":                           {18, 4},
		"postgres (PostgreSQL) 19beta2\n":                        {19, 0},
		"postgres (PostgreSQL) 20devel\n":                        {20, 0},
	} {
		major, minor, err := parseVersion(output)
		if err != nil || [2]int{major, minor} != want {
			t.Errorf("%q: %d.%d, %v", output, major, minor, err)
		}
	}
	for _, output := range []string{"", "Segmentation fault", "postgres (PostgreSQL) unknown"} {
		if major, minor, err := parseVersion(output); err == nil {
			t.Errorf("%q: %d.%d", output, major, minor)
		}
	}
}

func TestFailedDownloadNamesTheWaysOutAndLeavesNothing(t *testing.T) {
	repository := httptest.NewServer(http.NotFoundHandler())
	defer repository.Close()
	t.Setenv(EnvRepository, repository.URL)

	target := filepath.Join(t.TempDir(), "postgres")
	_, err := download(t.Context(), target, slog.New(slog.DiscardHandler))
	if err == nil {
		t.Fatal("downloaded from nowhere")
	}
	text := (&NoPostgresError{Err: err}).Error()
	for _, way := range []string{"--database-url", EnvBinDir, EnvRepository} {
		if !strings.Contains(text, way) {
			t.Errorf("%q does not name %s", text, way)
		}
	}
	var none *NoPostgresError
	if !errors.As(error(&NoPostgresError{Err: err}), &none) || !errors.Is(none, err) {
		t.Error("the cause is lost")
	}
	if left, _ := filepath.Glob(target + ".new-*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
