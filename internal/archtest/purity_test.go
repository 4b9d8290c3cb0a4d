package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Time and ids arrive inside the command. The packages that can give them are not forbidden (time.Time is in every
// event), so their use is looked at.
func TestAggregatesArePure(t *testing.T) {
	t.Parallel()
	watchSources(t, root)
	files := 0
	for path, p := range list(t, root) {
		if name, isOurs := ours(path); !isOurs || !matches("./aggregates/...", name) {
			continue
		}
		for _, file := range p.GoFiles {
			files++
			for _, violation := range impureUses(t, filepath.Join(p.Dir, file), nil) {
				t.Error(violation)
			}
		}
	}
	if files == 0 {
		t.Error("no file of the aggregates was found: nothing is checked here")
	}
}

// forbidden are the names per package that a decision must not use.
var forbidden = map[string]func(name string) bool{
	"time": func(name string) bool {
		return slices.Contains([]string{"Now", "Since", "Until", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker", "Sleep", "Local", "LoadLocation"}, name)
	},
	"github.com/google/uuid": func(name string) bool {
		// NewSHA1 and its like derive an id from what they are given; the others draw one.
		return strings.HasPrefix(name, "New") && !slices.Contains([]string{"NewSHA1", "NewMD5", "NewHash"}, name)
	},
	"math/rand":    func(string) bool { return true },
	"math/rand/v2": func(string) bool { return true },
	"crypto/rand":  func(string) bool { return true },
}

// impureUses returns the forbidden names that a file uses, a readable sentence each. src is as for parser.ParseFile.
func impureUses(t *testing.T, path string, src any) []string {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, src, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var violations []string
	report := func(pos token.Pos, what string) {
		at := files.Position(pos)
		violations = append(violations, fmt.Sprintf("%s:%d: %s: a decision must give the same events when it is replayed; take it from the command",
			filepath.Join(filepath.Base(filepath.Dir(at.Filename)), filepath.Base(at.Filename)), at.Line, what))
	}
	names := make(map[string]string) // what the file calls a package -> its path
	for _, imp := range file.Imports {
		path := strings.Trim(imp.Path.Value, `"`)
		if forbidden[path] == nil {
			continue
		}
		switch {
		case imp.Name == nil:
			names[defaultName(path)] = path
		case imp.Name.Name == ".":
			report(imp.Pos(), "import . of "+path)
		default:
			names[imp.Name.Name] = path
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		// Any mention, not only a call: `now := time.Now` is a clock as well.
		if use, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := use.X.(*ast.Ident); ok {
				if path := names[x.Name]; path != "" && forbidden[path](use.Sel.Name) {
					report(use.Pos(), path+"."+use.Sel.Name)
				}
			}
		}
		return true
	})
	return violations
}

// defaultName is the name of a package of the table above.
func defaultName(path string) string {
	if path == "math/rand/v2" {
		return "rand"
	}
	return path[strings.LastIndexByte(path, '/')+1:]
}
