package chaos

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	_ "github.com/ordo-platform/ordo/internal/app" // what the programs under test are made of: `go test` runs us again when it changes
	"github.com/ordo-platform/ordo/internal/testenv"
)

// full tells whether everything is to be run, and not the short version.
func full() bool { return os.Getenv("ORDO_CHAOS") == "full" }

func onlyInFull(t *testing.T) {
	t.Helper()
	if !full() {
		t.Skip("takes long; with ORDO_CHAOS=full")
	}
}

// skipIfShort leaves real processes out of runs that are to be quick, and of those under the race detector, which leave out
// containers too: it would look at the test and not at the processes.
func skipIfShort(t *testing.T) {
	t.Helper()
	if testing.Short() || os.Getenv("ORDO_SKIP_CONTAINERS") != "" {
		t.Skip("takes a while; not with -short or ORDO_SKIP_CONTAINERS")
	}
}

// rounds is how often each point is a process's end.
func rounds() int {
	if full() {
		return 20
	}
	return 1
}

var (
	seed   uint64
	binDir string
)

func TestMain(m *testing.M) {
	flag.Parse()
	seed = rand.Uint64()
	if text := os.Getenv("ORDO_CHAOS_SEED"); text != "" {
		given, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			fmt.Fprintf(os.Stderr, "ORDO_CHAOS_SEED=%q is not a number\n", text)
			os.Exit(2)
		}
		seed = given
	}
	fmt.Printf("chaos: ORDO_CHAOS_SEED=%d\n", seed)
	var err error
	if binDir, err = os.MkdirTemp("", "ordo-chaos-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	os.Exit(func() int {
		defer func() { _ = os.RemoveAll(binDir) }()
		return m.Run()
	}())
}

// random is a source that depends on the seed and the test's name only.
func random(t *testing.T) *rand.Rand {
	var name uint64
	for _, c := range t.Name() {
		name = name*31 + uint64(c)
	}
	return rand.New(rand.NewPCG(seed, name))
}

// program is the binary that obeys fail points.
var program = sync.OnceValues(func() (string, error) { return build("ordo", "-tags", "failpoint") })

func build(name string, options ...string) (string, error) {
	path := filepath.Join(binDir, name)
	args := append([]string{"build", "-o", path}, options...)
	output, err := exec.Command("go", append(args, "github.com/ordo-platform/ordo/cmd/ordo")...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, output)
	}
	return path, nil
}

// database is a server of the test's own that keeps what it acknowledges.
func database(t *testing.T) string { return testenv.DurablePostgres(t).URL() }

// TestProductionObeysNobody: a binary that is built as users build it has no fail points, whatever its environment says.
func TestProductionObeysNobody(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	for name, c := range map[string]struct {
		build func() (string, error)
		obeys bool
	}{
		"plain":  {func() (string, error) { return build("plain") }, false},
		"tagged": {program, true}, // else the words below are not those to look for
	} {
		path, err := c.build()
		if err != nil {
			t.Fatal(err)
		}
		binary, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range []string{"ORDO_FAILPOINTS", "ORDO_MUTANT", "relay/before-fence", "no-offset-guard"} {
			if bytes.Contains(binary, []byte(word)) != c.obeys {
				t.Errorf("%s program: has %q: %t", name, word, !c.obeys)
			}
		}
	}
}
