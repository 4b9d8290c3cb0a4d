package projections_test

import (
	"encoding/json"
	"os"
	osexec "os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// Whoever follows docs/howto-projection.md gets a package that builds, and whose test passes. The files of the page are laid
// over the checkout for that, which stays as it is.
func TestHowToAddAProjection(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/howto-projection.md")
	if err != nil {
		t.Fatal(err)
	}
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	replace := map[string]string{}
	for _, block := range regexp.MustCompile("(?s)```(?:go|sql) (\\S+)\n(.*?)```").FindAllSubmatch(page, -1) {
		file := filepath.Join(dir, string(block[1]))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, block[2], 0o600); err != nil {
			t.Fatal(err)
		}
		replace[filepath.Join(root, string(block[1]))] = file
	}
	if len(replace) != 6 {
		t.Fatalf("the page has %d files", len(replace))
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	// The package's folder is not there, so nothing can run in it: build here, run there.
	program := filepath.Join(dir, "lastdelivery.test")
	build := osexec.CommandContext(t.Context(), "go", "test", "-c", "-vet=off", "-o", program,
		"-overlay="+filepath.Join(dir, "overlay.json"), "./projections/lastdelivery")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err := osexec.CommandContext(t.Context(), program).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
