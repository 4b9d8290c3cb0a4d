//go:build !failpoint

package failpoint_test

import (
	"testing"

	"github.com/ordo-platform/ordo/internal/failpoint"
)

// A normal program does not listen: not even to an order that would kill it.
func TestInert(t *testing.T) {
	t.Setenv("ORDO_FAILPOINTS", "relay/before-fence=kill@1,consumer/after-apply=error@1")
	t.Setenv("ORDO_MUTANT", string(failpoint.NoOffsetGuard))
	if failpoint.Enabled || failpoint.Hit(failpoint.RelayBeforeFence, "orders") != nil ||
		failpoint.Hit(failpoint.ConsumerAfterApply, "") != nil || failpoint.Is(failpoint.NoOffsetGuard) {
		t.Error("obeys")
	}
	if allocs := testing.AllocsPerRun(100, func() { _ = failpoint.Hit(failpoint.RelayMidProduce, "orders") }); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}
