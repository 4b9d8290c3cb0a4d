//go:build failpoint

package failpoint

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestHit(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	t.Setenv(envLog, log)
	t.Setenv(envPoints, "relay/after-fence:orders=error@2,consumer/after-apply=sleep:1ms@1")
	t.Setenv(envMutant, "read-uncommitted")
	for i, want := range []bool{false, true, false} {
		if err := Hit(RelayAfterFence, "payments"); err != nil {
			t.Errorf("another service: %v", err)
		}
		if err := Hit(RelayAfterFence, "orders"); (err != nil) != want {
			t.Errorf("hit %d: %v", i+1, err)
		}
	}
	began := time.Now()
	if err := Hit(ConsumerAfterApply, "views.orderview"); err != nil || time.Since(began) < time.Millisecond {
		t.Errorf("sleep: %v after %s", err, time.Since(began))
	}
	if !Is(ReadUncommitted) || Is(NoOffsetGuard) {
		t.Error("mutants")
	}
	said, err := os.ReadFile(log)
	if want := "relay/after-fence orders error 2\nconsumer/after-apply views.orderview sleep 1\n"; err != nil || string(said) != want {
		t.Errorf("log %q %v", said, err)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{"x", "x=kill", "x=kill@0", "x=kill@y", "x=die@1", "x=sleep@1", "x=sleep:soon@1"} {
		if _, err := parse(text); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}
