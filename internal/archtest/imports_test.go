package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// root is the module's folder, seen from this package.
const root = "../.."

func TestImports(t *testing.T) {
	t.Parallel()
	watchSources(t, root)
	packages := list(t, root)
	for _, name := range []string{"aggregates/order", "eventstore", "internal/archtest"} {
		if _, ok := packages[module+"/"+name]; !ok {
			t.Errorf("go list does not know %s: nothing is checked here", name)
		}
	}
	for _, violation := range check(packages, rules) {
		t.Error(violation)
	}
}

// pkg is what is read of an answer of go list. Imports are those of non-test files.
type pkg struct {
	ImportPath string
	Dir        string
	GoFiles    []string
	Imports    []string
}

// list returns all packages of the module in dir and what they depend on. Packages that do not build are listed too, as
// far as they are readable: the compiler's complaint is not for this test to repeat.
func list(t *testing.T, dir string) map[string]pkg {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-e", "-deps", "-json=ImportPath,Dir,GoFiles,Imports", "./...")
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.Bytes())
	}
	packages := make(map[string]pkg)
	for in := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := in.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatalf("go list: %v", err)
		}
		packages[p.ImportPath] = p
	}
}

// watchSources opens every folder with code. The go command remembers the result of a test together with the files it
// opened; go list opens them where it does not see it, and an old "ok" would hide a new import.
func watchSources(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if name := d.Name(); path != dir && (strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules") {
			return fs.SkipDir
		}
		_, err = os.ReadDir(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// check returns what breaks the rules, a readable sentence each, in a stable order.
func check(packages map[string]pkg, rules []rule) []string {
	var violations []string
	for path, p := range packages {
		name, isOurs := ours(path)
		if !isOurs {
			continue
		}
		for _, r := range rules {
			if matchesAny(r.packages, name) && !matchesAny(r.except, name) {
				violations = append(violations, r.check(packages, p)...)
			}
		}
	}
	slices.Sort(violations)
	return violations
}

func (r rule) check(packages map[string]pkg, p pkg) []string {
	var violations []string
	name := short(p.ImportPath)
	for _, path := range p.Imports {
		imported, isOurs := ours(path)
		switch {
		case isOurs && r.ours != nil && !matchesAny(r.ours, imported):
			violations = append(violations, fmt.Sprintf("%s imports %s; of our packages it may import only: %s", name, imported, orNone(r.ours)))
		case !isOurs && matchesAny(r.neverDirectly, path):
			violations = append(violations, fmt.Sprintf("%s imports %s, which it must not do itself", name, path))
		}
	}
	for _, pattern := range r.never {
		if chain := chainTo(packages, p.ImportPath, pattern); chain != nil {
			violations = append(violations, fmt.Sprintf("%s must not depend on %s, not even through others: %s", name, pattern, strings.Join(chain, " -> ")))
		}
	}
	return violations
}

// chainTo returns the shortest chain of imports from a package to one that matches, nil if there is none.
func chainTo(packages map[string]pkg, from, pattern string) []string {
	cameFrom := map[string]string{from: ""}
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		if at != from && matches(pattern, short(at)) {
			var chain []string
			for ; at != ""; at = cameFrom[at] {
				chain = append(chain, short(at))
			}
			slices.Reverse(chain)
			return chain
		}
		for _, next := range packages[at].Imports {
			if _, seen := cameFrom[next]; !seen {
				cameFrom[next] = at
				queue = append(queue, next)
			}
		}
	}
	return nil
}

// ours returns the name of a package of this module, as in "./eventstore".
func ours(path string) (name string, ok bool) {
	rest, ok := strings.CutPrefix(path+"/", module+"/")
	return "./" + strings.TrimSuffix(rest, "/"), ok
}

// short is what the rules call a package: its name for ours, the import path for others.
func short(path string) string {
	if name, ok := ours(path); ok {
		return name
	}
	return path
}

func matches(pattern, name string) bool {
	if base, ok := strings.CutSuffix(pattern, "/..."); ok {
		return name == base || strings.HasPrefix(name, base+"/")
	}
	return name == pattern
}

func matchesAny(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, name) })
}

func orNone(patterns []string) string {
	if len(patterns) == 0 {
		return "none"
	}
	return strings.Join(patterns, ", ")
}
